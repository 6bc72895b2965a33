/* A panel's background job: the text of its bar, the start of jobs, and how they end. Each request has a nonce. No job
   is started automatically a second time, and one that ends without a result is reported as lost. A response is
   assigned to its job by the request itself (requests.js), since the page may have sent another one in the meantime. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const DRAW_TIMEOUT_MS = 15000;  // after which a result that is not drawn counts as not loaded
  const DASH_DELAY_MS = 300;      // after which Dash has processed a response
  /* By panel: the last request, {nonce, question, state, message, tick, partial, unsent, isAsked}. */
  const jobs = {};
  const pending = {};        // by panel: the nonce of a start that has no response yet
  const nonceOfHandle = {};  // nonces by the server's handles of jobs
  const told = {};           // by panel: the last job, and its state, that was said to screen readers
  let nChanges = 0;

  const newNonce = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

  function duration(seconds) {
    if (seconds < 0.95) return `${Math.max(0.1, seconds).toFixed(1)} s`;
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return `${Math.round(seconds / 60)} min`;
  }

  /* How long a job may take: "about 7 s" or "10 s to 2 min". */
  function range({ seconds, most }) {
    return most > 2 * seconds && duration(most) !== duration(seconds)
      ? `${duration(seconds)} to ${duration(most)}` : `about ${duration(seconds)}`;
  }

  /* isAsked: whether somebody has asked for it, and is told how it ends. */
  function start(panel, offer, { measure, isAsked }) {
    const nonce = newNonce();
    const unsent = { nonce, question: offer.question, measure };
    jobs[panel] = {
      nonce, question: JSON.stringify(offer.question), state: "running", message: "", tick: null, partial: 0, unsent,
      isProbe: offer.seconds === null, isAsked };
    if (!pending[panel]) send(panel);
  }

  /* One start at a time: Dash ends the previous job only once it knows that job's handle. */
  function send(panel) {
    const { unsent, state } = jobs[panel] ?? {};
    if (!unsent || state !== "running") return;
    jobs[panel].unsent = null;
    pending[panel] = unsent.nonce;
    dash.set_props(`${panel}-job-start`, { data: unsent });
  }

  const redraw = (panel) => dash.set_props(`${panel}-job-fresh`, { data: ++nChanges });

  /* Change the state of a panel's last request, if it is this one and in state `from`. */
  function changeState({ panel, nonce }, from, to) {
    if (!jobs[panel] || jobs[panel].nonce !== nonce || jobs[panel].state !== from) return;
    jobs[panel].state = to;
    dash.set_props(`${panel}-job-news`, { data: ++nChanges });
    if (to === "lost") redraw(panel);  // its result may have been stored nevertheless
  }

  /* A start has been answered, or never will be. */
  function startEnded({ panel, nonce }) {
    if (pending[panel] !== nonce) return;
    setTimeout(() => {
      pending[panel] = null;
      if (jobs[panel]?.nonce === nonce && jobs[panel].state === "cancelled") {
        dash.set_props(`${panel}-job-cancel`, { n_clicks: ++nChanges });
      }
      send(panel);
    }, DASH_DELAY_MS);
  }

  /* Cancel at the click itself: the bar's callback has to wait while the server draws. */
  document.addEventListener("click", (event) => {
    const panel = /^(\w+)-job-cancel$/.exec(event.target.id)?.[1];
    if (panel && jobs[panel] && jobs[panel].state === "running") jobs[panel].state = "cancelled";
  }, true);

  function update(panel, job, { tick, done }) {
    if (job.state !== "running") return;
    if (done && done.nonce === job.nonce) {
      job.state = done.kind;
      job.message = done.message;
      redraw(panel);
      setTimeout(() => changeState({ panel, nonce: job.nonce }, "done", "not loaded"), DRAW_TIMEOUT_MS);
    } else if (tick && tick.nonce === job.nonce) {
      job.tick = tick;
      if (tick.partial > job.partial) { job.partial = tick.partial; redraw(panel); }
    }
  }

  function progressText({ tick }, offer) {
    if (!tick) return offer && offer.seconds ? `Starting (${range(offer)}).` : "Starting.";
    if (tick.phase === "waiting") return tick.words;
    const left = tick.left === null ? "" : ` · about ${duration(tick.left)} left`;
    return `Computing: ${Math.round(100 * tick.share)}%${left}`;
  }

  /* isOwn: whether the job is for the current selection. says: the bar's own words (layouts/job.py). */
  function barText(job, offer, isOwn, says) {
    if (job && job.state === "running") {
      return progressText(job, offer) + (!isOwn && offer ? " (for the previous selection)" : "");
    }
    if (offer && offer.kept !== undefined) {
      const time = duration(offer.kept);
      if (offer.ended) return `Ended after ${time}, the longest that this server allows.`;
      return isOwn && job.state === "done" ? `Computed in ${time}.` : `Cached (computed in ${time}).`;
    }
    if (isOwn && job.state === "done") return "Drawing the result.";
    if (isOwn && job.state === "not loaded") return "The result was computed but could not be loaded. Run it again.";
    if (isOwn && job.state === "lost") {
      return "The computation ended without a result: its process stopped or cannot be reached. Run it again.";
    }
    if (isOwn && job.state === "cancelled") return says.cancelled ?? "Cancelled.";
    if (offer && offer.refused) return offer.refused;
    if (isOwn && job.message) return job.message;
    return offer ? says.idle ?? "Not computed yet." : "";
  }

  /* A button of the bar that is not offered any more leaves the focus to the other one, or to the panel's tab. */
  let focused = null;
  document.addEventListener("focusin", ({ target }) => { focused = target; });
  function keepFocus(panel) {
    const bar = document.getElementById(`${panel}-job-bar`);
    if (!bar.contains(focused) || focused.checkVisibility()) return;
    if (![focused, document.body].includes(document.activeElement)) return;
    (bar.querySelector(".btn:not(.job-hidden)") ?? document.getElementById(`tab-${panel}`)).focus();
  }

  /* Say once what has become of a job: that it runs, its result, or what went wrong. */
  function tell(panel, job, text, { isBusy, hasFailed, hasResult }) {
    const now = `${job.nonce} ${isBusy ? "runs" : job.state}`;
    if (now === told[panel] || !(job.isAsked || hasFailed)) return;
    told[panel] = now;
    explorer.announceJob(panel, isBusy ? "Computing." : text, { withReading: hasResult });
  }

  Object.assign(explorer, {
    jobDone(done) {
      const [{ id }] = dash.callback_context.inputs_list;
      dash.set_props(id.replace(/done$/, "ended"), { data: done });
    },

    jobBar(offer, tick, done) {
      const { triggered, outputs_list } = dash.callback_context;
      const panel = outputs_list[0].id.split("-job-")[0];
      const changed = triggered.map((t) => t.prop_id.split(".")[0].split("-job-")[1]);
      const isOffered = () => jobs[panel] && offer && jobs[panel].question === JSON.stringify(offer.question);
      let job = jobs[panel];
      if (job) update(panel, job, { tick, done });
      if (changed.includes("compute") && offer) start(panel, offer, { measure: false, isAsked: true });
      // Automatically: each question once, and ended if it turns out to be slow; and again if that only showed how long
      // such a question takes.
      else if (changed.includes("offer") && offer && offer.automatic
               && (!isOffered() || (job.state === "measured" && job.isProbe))) {
        start(panel, offer, { measure: !isOffered() });
      }
      job = jobs[panel];
      const isOwn = Boolean(isOffered());
      const isBusy = Boolean(job && job.state === "running");
      const isDrawing = isOwn && job.state === "done";
      const canStart = Boolean(offer) && offer.kept === undefined && !offer.refused && !(isBusy && isOwn) && !isDrawing;
      const says = document.getElementById(`${panel}-job-bar`).dataset;
      const verb = says.verb ?? (isOwn && !isBusy && job.state !== "measured" ? "Run again" : "Compute");
      const cost = offer && offer.seconds ? ` (${range(offer)})` : "";
      const share = isBusy && job.tick && job.tick.share ? job.tick.share : 0;
      const hasFailed = (isOwn && !isBusy && job.message) || (offer && (offer.refused || offer.ended));
      const hasResult = Boolean(offer) && offer.kept !== undefined;
      const text = barText(job, offer, isOwn, says);
      if (isOwn) tell(panel, job, text, { isBusy: isBusy || (isDrawing && !hasResult), hasFailed, hasResult });
      setTimeout(keepFocus, 0, panel);
      return [
        text, verb + cost, canStart ? "" : "job-hidden", isBusy ? "" : "job-hidden",
        { width: `${100 * share}%` },
        `job-bar${isBusy ? " job-busy" : ""}${hasFailed ? " job-failed" : ""}${offer || isBusy ? "" : " job-hidden"}`,
      ];
    },

    /* The last request of a panel, and its state; undefined if there is none. */
    jobOf: (panel) => jobs[panel],

    /* Start what a panel offers, as its button does. */
    startJob(panel, offer) {
      start(panel, offer, { measure: false, isAsked: true });
      dash.set_props(`${panel}-job-news`, { data: ++nChanges });
    },

    /* The last request has served its purpose: its question may be asked again. */
    forgetJob(panel) {
      delete jobs[panel];
      dash.set_props(`${panel}-job-news`, { data: ++nChanges });
    },

    redrawJob: redraw,

    /* The job that a request starts or polls, {panel, nonce, isPoll}; undefined for any other request. */
    jobOfRequest(url, output, body) {
      const panel = /^(\w+)-job-done\.data$/.exec(output)?.[1];
      if (!panel) return undefined;
      const handle = /[?&]job=([^&]*)/.exec(url)?.[1];
      return { panel, isPoll: Boolean(handle),
        nonce: handle ? nonceOfHandle[handle] : JSON.parse(body).inputs[0].value.nonce };
    },

    async jobAnswered(request, response) {
      if (response.status === 204) changeState(request, "running", "lost");  // it has ended and stored nothing
      if (response.status !== 200 || request.isPoll) { startEnded(request); return; }
      const { job } = await response.clone().json();
      nonceOfHandle[job] = request.nonce;
      startEnded(request);
    },

    /* The server cannot be reached, so nothing more is known of the job. */
    jobUnreachable(request) {
      changeState(request, "running", "lost");
      startEnded(request);
    },
  });
})();
