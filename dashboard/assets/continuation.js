/* The panel “Continue”: what its job has written becomes a part of the text, by a link that the browser's history keeps;
   a token that is forced is followed by the rest, written anew; and the page remembers the branches of each text. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const PANEL = "continuation";
  const MOST_BRANCHES = 24;
  const branches = new Map();  // by text: what was written after it, each as ids with dots between them
  let last = { text: null, written: "" };  // what the page has shown before
  let taken = null;      // the nonce of the job whose tokens have become a part of the text
  let forced = null;     // what ends with a forced token, after which the rest is to be written
  let isForced = false;  // whether the job that runs writes such a rest

  const textOf = ({ model, text, start, chat }) => JSON.stringify([model, text, start, chat]);
  const writtenOf = ({ written }) => written.join(".");

  /* The first position at which the text would differ from the one that is shown; at most its last. */
  function firstChange(prompt, written) {
    const ids = written ? written.split(".").map(Number) : [];
    const nOwn = prompt.n_positions - prompt.written.length;
    let n = 0;
    while (n < ids.length - 1 && ids[n] === prompt.written[n]) n++;
    return nOwn + (ids.length ? n : -1);
  }

  Object.assign(explorer, {
    /* The branches of the text. A branch that is continued is replaced by its continuation. */
    keepBranches(prompt) {
      if (!prompt) return dash.no_update;
      const [text, written] = [textOf(prompt), writtenOf(prompt)];
      let known = branches.get(text) ?? [];
      if (written && !known.includes(written)) {
        const continued = last.text === text && last.written && written.startsWith(`${last.written}.`)
          ? known.indexOf(last.written) : -1;
        known = continued < 0
          ? [...known, written].slice(-MOST_BRANCHES) : known.map((one, n) => (n === continued ? written : one));
        branches.set(text, known);
      }
      last = { text, written };
      return known;
    },

    /* The question of the job that this page has started for this text, until its tokens are a part of the text. */
    followContinuation(start, prompt) {
      if (!start || !prompt || start.nonce === taken) return null;
      const asked = start.question.prompt;
      return textOf(asked) === textOf(prompt) && writtenOf(asked) === writtenOf(prompt) ? start.question : null;
    },

    /* Once the job has ended, or was stopped, make what it has written a part of the text. */
    takeContinuation(drawn) {
      const job = explorer.jobOf(PANEL);
      if (!drawn || !job || job.nonce === taken || job.question !== JSON.stringify(drawn.question)) return;
      if (job.state !== "cancelled" && !(job.state === "done" && drawn.complete)) return;
      if (!drawn.ids.length) return;
      const prompt = explorer.shown();
      taken = job.nonce;
      const written = [...prompt.written, ...drawn.ids].join(".");
      const position = prompt.n_positions - (isForced ? 1 : 0);
      explorer.openWritten(written, position, { replaces: isForced });
      isForced = false;
      explorer.forgetJob(PANEL);
    },

    /* After a forced token, write the rest as soon as the panel offers it. */
    continueForced(offer) {
      if (forced === null || !offer || writtenOf(offer.question.prompt) !== forced) return;
      [forced, isForced] = [null, true];
      explorer.startJob(PANEL, offer);
    },
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#continuation-job-compute")) isForced = false;
    if (event.target.closest("#continuation-job-cancel")) explorer.redrawJob(PANEL);
    const control = event.target.closest("#continuation-panel [data-written]");
    const prompt = explorer.shown?.();
    if (!control || !prompt || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { written } = control.dataset;
    forced = control.dataset.forced ? written : null;
    explorer.openWritten(written, firstChange(prompt, written));
  });
})();
