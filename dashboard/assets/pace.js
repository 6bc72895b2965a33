/* Pace of the selection: the panels are asked for one selection at a time. While they are being drawn, or a moment after
   they were asked, a newer selection has to wait and replaces one that waits already. So keys that are pressed faster
   than the server draws leave no queue behind, and the last press is always drawn. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const LEAST_MS = 125;   // between two requests: a held key must not use up the rate limit
  const MOST_MS = 4000;   // after which a request that has no answer does not hold back the next one
  const DASH_MS = 300;    // after which Dash has drawn a response
  let asked = null;       // the selection that the panels were last asked for
  let askedAt = -Infinity;
  let isAsking = false;   // Dash has been told to run `select`
  let isDrawing = false;
  let timer = null;       // until the next request
  let answerTimer = null;

  const newest = () => explorer.writeSelection(explorer.selection());

  /* Milliseconds until the panels may be asked for another selection. */
  const wait = () => askedAt + (isDrawing ? MOST_MS : LEAST_MS) - performance.now();

  function drawn() {
    clearTimeout(answerTimer);
    isDrawing = false;
    if (explorer.isOvertaken()) explorer.askForPanels();
  }

  Object.assign(explorer, {
    /* Ask for the newest selection as soon as its time has come. */
    askForPanels() {
      clearTimeout(timer);
      if (isAsking) return;
      isAsking = wait() <= 0;
      if (isAsking) explorer.runSelect();
      else timer = setTimeout(explorer.askForPanels, wait());
    },

    /* What to write into the selection's store: the newest selection, or nothing yet. After a failed request the panels
       do not show what the store holds, so the same selection is written again. atOnce: it belongs to a new prompt. */
    paced({ atOnce }) {
      isAsking = false;
      if (!explorer.isOvertaken() && !explorer.requestFailed()) return dash.no_update;
      if (!atOnce && wait() > 0) {
        explorer.askForPanels();
        return dash.no_update;
      }
      clearTimeout(timer);
      clearTimeout(answerTimer);
      [asked, askedAt, isDrawing] = [newest(), performance.now(), true];
      return asked;
    },

    /* Whether somebody has selected something else than the panels were last asked for. */
    isOvertaken: () => Boolean(explorer.selection()) && newest() !== asked,

    /* The panels have their new words, which their own element tells; their figures are in the queue. If they were asked
       for something else while these are drawn, that has an end of its own. */
    panelsDrawn() {
      const of = askedAt;
      explorer.drawInTurn(() => of === askedAt && drawn());
    },

    /* The newest request to draw the panels has ended. If it has changed nothing, nothing else tells. */
    panelsAnswered(hasResult) { answerTimer = setTimeout(explorer.panelsDrawn, hasResult ? DASH_MS : 0); },
  });
})();
