/* The page itself: theme, notices, requests that fail, full screen, focus. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const SLOW_MS = 20000;
  const AGAIN = 5;             // times that a request is sent again
  const LONGEST_PAUSE_S = 10;  // a server that wants a longer one is not waited for
  const NOTHING_NEW = 204;     // Dash then leaves everything as it is
  const KEY = "llm-architecture-explorer.theme";

  function remembered() {
    try {
      return ["light", "dark"].find((theme) => theme === localStorage.getItem(KEY));
    } catch { return undefined; }  // storage may be forbidden
  }

  function show(theme) {
    document.documentElement.dataset.bsTheme = theme;
    return theme;
  }

  const system = matchMedia("(prefers-color-scheme: dark)");
  show(remembered() || (system.matches ? "dark" : "light"));

  Object.assign(explorer, {
    modelNews(changed) { dash.set_props("model-news", { data: changed }); },

    notice(text) { dash.set_props("notice", { children: text, is_open: true }); },

    theme(clicks) {
      let theme = document.documentElement.dataset.bsTheme;
      if (clicks) {
        theme = show(theme === "dark" ? "light" : "dark");
        try { localStorage.setItem(KEY, theme); } catch { /* not remembered then */ }
      }
      return theme;
    },
  });

  system.addEventListener("change", () => {
    if (remembered()) return;
    show(system.matches ? "dark" : "light");
    dash.set_props("theme", { data: document.documentElement.dataset.bsTheme });
  });

  /* A response that is not 200, or none, changes nothing on a Dash page: say so, until all is there. */
  const missing = new Set();  // what callbacks were to write, and could not
  let said = false;
  let requests = 0;
  const newest = {};  // by what a callback writes: the number of the last request for it
  const ask = window.fetch;

  function say(text) {
    said = true;
    explorer.notice(text);
  }

  function answered(output) {
    missing.delete(output);
    if (!said || missing.size) return;
    dash.set_props("notice", { is_open: false });
    said = false;
  }

  explorer.requestFailed = () => missing.size > 0;

  /* Seconds after which a busy server wants to be asked again, if it is one that says so and they are few. */
  function pause(response) {
    const seconds = [429, 503].includes(response.status) ? Number(response.headers.get("Retry-After")) : 0;
    return seconds <= LONGEST_PAUSE_S ? seconds : 0;
  }

  /* A busy server is asked again, and so is any for what asks how a job is doing: one lost answer does not end a
     computation. No answer is wanted any more (null) once a newer request for the same has been sent. */
  async function insist(request, { follows, outdated }) {
    for (let left = AGAIN; ; left--) {
      let seconds = follows ? 1 : 0;
      try {
        const response = await request();
        seconds = pause(response) || seconds;
        if (response.ok || !left || !seconds) return response;
      } catch (error) {
        if (!left || !seconds) throw error;
      }
      // Not all pages at the same moment.
      await new Promise((done) => setTimeout(done, 1000 * seconds * (1 + Math.random())));
      if (outdated()) return null;
    }
  }

  function refusal(response) {
    const before = "What you see is from before; try again in a moment.";
    if (response.status === 413) return "That is more than this server reads. Shorten the text.";
    if (response.status === 429) return `Too many requests at once. ${before}`;
    if (pause(response)) return `The server is busy: it was asked several times. ${before}`;
    return `The server could not answer (status ${response.status}). What you see is from before; try again.`;
  }

  window.fetch = async function (resource, options) {
    const url = String(resource && resource.url ? resource.url : resource);
    if (!url.includes("_dash-update-component")) return ask.call(this, resource, options);
    const job = explorer.jobAsked(url, options);
    const follows = Boolean(job && job.follows);
    const output = /"output":\s*"([^"]*)"/.exec(options && options.body)?.[1];
    const number = ++requests;
    if (!follows) newest[output] = number;
    const outdated = () => !follows && newest[output] !== number;
    const unanswered = (text) => {
      if (job) explorer.jobUnheard(job);  // which its panel tells, too
      if (outdated()) return;
      if (!job) missing.add(output);
      say(text);
    };
    const slow = setTimeout(
      () => say("The server has not answered for 20 seconds. It may be busy: wait, or reload the page."), SLOW_MS);
    try {
      const response = await insist(() => ask.call(this, resource, options), { follows, outdated });
      if (!response) return new Response(null, { status: NOTHING_NEW });
      if (!response.ok) unanswered(refusal(response));
      else {
        if (job) explorer.jobAnswered(job, response);
        answered(output);
      }
      return response;
    } catch (error) {
      unanswered("The server cannot be reached. What you see is from before; try again in a moment.");
      throw error;
    } finally {
      clearTimeout(slow);
    }
  };

  document.addEventListener("click", (event) => {
    const full = event.target.closest("[data-fullscreen]");
    if (full) {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.getElementById(full.dataset.fullscreen).requestFullscreen();
    }
    const press = event.target.closest("[data-press]");
    if (press) document.getElementById(press.dataset.press).click();
    const skip = event.target.closest("[data-focus]");
    if (skip) {
      event.preventDefault();
      document.getElementById(skip.dataset.focus).focus();
    }
    // An open "?" closes when something else is clicked.
    document.querySelectorAll("details.panel-help[open]").forEach((help) => {
      if (!help.contains(event.target)) help.open = false;
    });
  });

  /* Enter analyses; Shift+Enter is a new line. */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll("details.panel-help[open]").forEach((help) => { help.open = false; });
    }
    if (event.target.id !== "prompt-text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    document.getElementById("prompt-analyse").click();
  });

  /* Panels and keys: a click into the scene gives it the arrow keys. */
  document.addEventListener("pointerdown", (event) => {
    const scene = event.target.closest("#architecture-panel");
    if (scene && !event.target.closest("button, select, input, summary, a")) {
      scene.classList.add("by-mouse");  // the ring around the whole scene is for the keyboard's users
      scene.focus({ preventScroll: true });
      scene.addEventListener("keydown", () => scene.classList.remove("by-mouse"), { once: true });
    }
  });
})();
