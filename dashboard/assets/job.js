/* A panel's job: what its bar says, when it starts, how it ended. A request is known by its nonce; nothing is started
   twice by itself, and a job that ends without a word is said to be lost. Whose end an answer tells is known by the
   request that it answers (page.js), as a newer question may have been asked meanwhile. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const DRAWN_MS = 15000;
  const HANDED_MS = 300;  // after which Dash knows what an answer has told
  const jobs = {};     // by the panel's name: the last request, {nonce, question, state, message, tick, partial}
  const handles = {};  // the nonces of requests by what the server calls them
  const asking = {};   // by the panel's name: the nonce of a start that is not answered yet
  let news = 0;

  const nonce = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

  function duration(seconds) {
    if (seconds < 0.95) return `${Math.max(0.1, seconds).toFixed(1)} s`;
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return `${Math.round(seconds / 60)} min`;
  }

  function start(name, offer, { measure }) {
    const question = JSON.stringify(offer.question);
    jobs[name] = { nonce: nonce(), question, state: "running", message: "", tick: null, partial: 0 };
    jobs[name].held = { nonce: jobs[name].nonce, question: offer.question, measure };
    if (!asking[name]) send(name);
  }

  /* One after the other: Dash ends the job before, if it knows it. */
  function send(name) {
    const { held, state } = jobs[name];
    if (!held || state !== "running") return;
    jobs[name].held = null;
    asking[name] = held.nonce;
    dash.set_props(`${name}-job-start`, { data: held });
  }

  const draw = (name) => dash.set_props(`${name}-job-fresh`, { data: ++news });

  /* The last request of a panel, if it is this one and in that state, changes to another. */
  function become({ name, nonce }, before, after) {
    if (!jobs[name] || jobs[name].nonce !== nonce || jobs[name].state !== before) return;
    jobs[name].state = after;
    dash.set_props(`${name}-job-news`, { data: ++news });
    if (after === "lost") draw(name);  // its result may be there all the same
  }

  /* A start was answered, or never will be. */
  function settled({ name, nonce }) {
    if (asking[name] !== nonce) return;
    setTimeout(() => {
      asking[name] = null;
      if (jobs[name].nonce === nonce && jobs[name].state === "cancelled") dash.set_props(`${name}-job-cancel`, { n_clicks: ++news });
      send(name);
    }, HANDED_MS);
  }

  /* At once: the bar itself waits for whatever the server is drawing. */
  document.addEventListener("click", (event) => {
    const name = /^(\w+)-job-cancel$/.exec(event.target.id)?.[1];
    if (name && jobs[name] && jobs[name].state === "running") jobs[name].state = "cancelled";
  }, true);

  function follow(name, job, { tick, done }) {
    if (job.state !== "running") return;
    if (done && done.nonce === job.nonce) {
      job.state = done.kind;
      job.message = done.message;
      draw(name);
      setTimeout(() => become({ name, nonce: job.nonce }, "done", "undrawn"), DRAWN_MS);
    } else if (tick && tick.nonce === job.nonce) {
      job.tick = tick;
      if (tick.partial > job.partial) { job.partial = tick.partial; draw(name); }
    }
  }

  function progress({ tick }, offer) {
    if (!tick) return offer && offer.seconds ? `Starting; about ${duration(offer.seconds)}.` : "Starting.";
    if (tick.phase === "waiting") return tick.words;
    const left = tick.left === null ? "" : ` · about ${duration(tick.left)} left`;
    return `Computing: ${Math.round(100 * tick.share)} %${left}`;
  }

  function words(job, offer, own) {
    if (job && job.state === "running") {
      const elsewhere = !own && offer ? " (for what was selected before)" : "";
      return progress(job, offer) + elsewhere;
    }
    if (offer && offer.kept !== undefined) {
      const took = duration(offer.kept);
      return own && job.state === "done" ? `Computed in ${took}.` : `From the cache: computing this once took ${took}.`;
    }
    if (own && job.state === "done") return "Drawing.";
    if (own && job.state === "undrawn") return "It was computed, but its result did not get here.";
    if (own && job.state === "lost") return "The computation ended without a result: its process is gone, or cannot be reached. Nothing else is affected.";
    if (own && job.state === "cancelled") return "Cancelled.";
    if (own && job.message) return job.message;
    return offer ? "Not computed yet for this selection." : "";
  }

  Object.assign(explorer, {
    jobDone(done) {
      const [{ id }] = dash.callback_context.inputs_list;
      dash.set_props(id.replace(/done$/, "ended"), { data: done });
    },

    jobBar(offer, tick, done) {
      const { triggered, outputs_list } = dash.callback_context;
      const name = outputs_list[0].id.split("-job-")[0];
      const happened = triggered.map((t) => t.prop_id.split(".")[0].split("-job-")[1]);
      const same = () => jobs[name] && offer && jobs[name].question === JSON.stringify(offer.question);
      let job = jobs[name];
      if (job) follow(name, job, { tick, done });
      if (happened.includes("compute") && offer) start(name, offer, { measure: false });
      // By itself: each question once, and again after it was only measured.
      else if (happened.includes("offer") && offer && offer.automatic && (!same() || job.state === "measured")) {
        start(name, offer, { measure: offer.seconds === null });
      }
      job = jobs[name];
      const own = Boolean(same());
      const busy = Boolean(job && job.state === "running");
      const drawing = own && job.state === "done";  // its result is on the way
      const wanted = Boolean(offer) && offer.kept === undefined && !(busy && own) && !drawing;
      const again = own && !busy && job.state !== "measured" ? "Run again" : "Compute";
      const cost = offer && offer.seconds ? ` (about ${duration(offer.seconds)})` : "";
      const share = busy && job.tick && job.tick.share ? job.tick.share : 0;
      return [
        words(job, offer, own), again + cost, wanted ? "" : "job-hidden", busy ? "" : "job-hidden",
        { width: `${100 * share}%` },
        `job-bar${busy ? " job-busy" : ""}${own && !busy && job.message ? " job-failed" : ""}${offer || busy ? "" : " job-hidden"}`,
      ];
    },

    /* The panel and the nonce of the job that a request starts or follows, if it does. */
    jobAsked(url, options) {
      const name = /"output":\s*"(\w+)-job-done\.data"/.exec(options && options.body)?.[1];
      const handle = /[?&]job=([^&]*)/.exec(url)?.[1];
      if (!name) return undefined;
      return { name, follows: Boolean(handle), nonce: handle ? handles[handle] : JSON.parse(options.body).inputs[0].value.nonce };
    },

    async jobAnswered(asked, response) {
      if (response.status === 204) become(asked, "running", "lost");  // it has ended, and left nothing
      if (response.status !== 200 || asked.follows) { settled(asked); return; }
      const { job } = await response.clone().json();
      handles[job] = asked.nonce;
      settled(asked);
    },

    /* The server could not be reached, so no more is heard of what runs there. */
    jobUnheard(asked) {
      become(asked, "running", "lost");
      settled(asked);
    },
  });
})();
