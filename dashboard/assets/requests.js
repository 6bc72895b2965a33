/* Callback requests: retry, and a notice when one fails. Dash changes nothing on the page after a response that is not
   200, or none at all, so this wraps `fetch` and says what happened until every callback has its answer. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const SLOW_MS = 20000;
  const MAX_RETRIES = 5;
  const MAX_RETRY_AFTER_S = 10;  // a server that asks for a longer wait is not asked again
  const NO_CONTENT = 204;        // Dash then leaves the page as it is
  const PANELS = "..panels.data-selection";  // how the outputs of the callback that draws all panels begin
  const STALE = "The page still shows the previous result.";
  const SLOW = "The server has not answered for 20 seconds. It may be busy: wait, or reload the page.";

  const originalFetch = window.fetch;
  const newest = {};         // by a callback's outputs: the number of its last request
  const failed = new Set();  // the outputs of callbacks whose last request failed
  let nRequests = 0;
  let noticeShown = false;

  explorer.requestFailed = () => failed.size > 0;

  function showNotice(text) {
    noticeShown = true;
    explorer.notice(text);
  }

  function succeeded(output) {
    failed.delete(output);
    if (!noticeShown || failed.size) return;
    dash.set_props("notice", { is_open: false });
    noticeShown = false;
  }

  /* Seconds to wait before a retry; 0 unless the server is busy, says for how long, and that is not too long. */
  function retryAfter(response) {
    const seconds = [429, 503].includes(response.status) ? Number(response.headers.get("Retry-After")) : 0;
    return seconds <= MAX_RETRY_AFTER_S ? seconds : 0;
  }

  /* Retry while the server is busy. A poll of a job is also retried after any other failure: one lost response does not
     end a computation. Gives null once a newer request of the same callback makes the answer useless. */
  async function fetchWithRetry(send, { isPoll, isOutdated }) {
    for (let left = MAX_RETRIES; ; left--) {
      let seconds = isPoll ? 1 : 0;
      try {
        const response = await send();
        seconds = retryAfter(response) || seconds;
        if (response.ok || !left || !seconds) return response;
      } catch (error) {
        if (!left || !seconds) throw error;
      }
      // With random jitter, so that pages do not all retry at the same moment.
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds * (1 + Math.random())));
      if (isOutdated()) return null;
    }
  }

  async function explain(response) {
    const reason = response.status === 400 ? await response.text() : "";  // written for people, without their words
    if (reason) return reason;
    if (response.status === 413) return "The request is larger than this server accepts. Shorten the text.";
    if (response.status === 429) return `Too many requests in a short time. ${STALE} Try again in a moment.`;
    if (retryAfter(response)) return `The server is busy and refused several attempts. ${STALE} Try again in a moment.`;
    return `The server could not answer (status ${response.status}). ${STALE} Try again.`;
  }

  /* What the page is made of: its layout, and its callbacks. */
  async function fetchPage(resource, options) {
    try {
      const response = await originalFetch.call(this, resource, options);
      if (!response.ok) explorer.openingFailed();
      return response;
    } catch (error) {
      explorer.openingFailed();
      throw error;
    }
  }

  window.fetch = async function (resource, options) {
    const url = String(resource && resource.url ? resource.url : resource);
    if (!url.includes("_dash-update-component")) return fetchPage.call(this, resource, options);
    const output = /"output":\s*"([^"]*)"/.exec(options && options.body)?.[1];
    const job = explorer.jobOfRequest(url, output, options && options.body);
    const isPoll = Boolean(job && job.isPoll);
    const number = ++nRequests;
    if (!isPoll) newest[output] = number;
    const drawsPanels = Boolean(output?.startsWith(PANELS));
    const isNewest = () => newest[output] === number;
    const isOutdated = () => !isPoll && (!isNewest() || (drawsPanels && explorer.isOvertaken()));
    let hasResult = false;
    const fail = (text) => {
      if (job) explorer.jobUnreachable(job);  // the panel reports it as well
      if (isOutdated()) return;
      if (!job) failed.add(output);
      showNotice(text);
    };
    const slow = setTimeout(() => showNotice(SLOW), SLOW_MS);
    try {
      const response = await fetchWithRetry(() => originalFetch.call(this, resource, options), { isPoll, isOutdated });
      if (!response) return new Response(null, { status: NO_CONTENT });
      if (!response.ok) fail(await explain(response));
      else {
        hasResult = true;
        if (job) explorer.jobAnswered(job, response);
        succeeded(output);
      }
      // Dash reads the body of a 400 twice, which browsers refuse; an empty one can be read again.
      return response.status === 400 ? new Response(null, { status: 400 }) : response;
    } catch (error) {
      fail(`The server cannot be reached. ${STALE} Try again in a moment.`);
      throw error;
    } finally {
      clearTimeout(slow);
      if (drawsPanels && isNewest()) explorer.panelsAnswered(hasResult);
    }
  };
})();
