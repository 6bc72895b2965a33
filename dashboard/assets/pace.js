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
  let isDrawing = false;
  let timer = null;       // until the next request
  let answerTimer = null;

  const newest = () => explorer.writeSelection(explorer.selection());

  function drawn() {
    clearTimeout(answerTimer);
    isDrawing = false;
    if (explorer.isOvertaken()) explorer.runSelect();
  }

  Object.assign(explorer, {
    /* What to write into the selection's store: the text, or nothing yet. After a failed request the panels do not show
       what the store holds, so the same selection is written again. atOnce: the text belongs to a new prompt. */
    paced(text, { atOnce }) {
      if (text === asked && !explorer.requestFailed()) return dash.no_update;
      const wait = askedAt + (isDrawing ? MOST_MS : LEAST_MS) - performance.now();
      clearTimeout(timer);
      if (!atOnce && wait > 0) {
        timer = setTimeout(explorer.runSelect, wait);
        return dash.no_update;
      }
      clearTimeout(answerTimer);
      [asked, askedAt, isDrawing] = [text, performance.now(), true];
      return text;
    },

    /* Whether a request to draw the panels asks for what nobody wants to see any more. */
    isOvertaken: () => Boolean(explorer.selection()) && newest() !== asked,

    /* The panels have been drawn, which their own element tells. */
    panelsDrawn: drawn,

    /* The newest request to draw the panels has ended. If it has changed nothing, nothing else tells. */
    panelsAnswered(hasResult) { answerTimer = setTimeout(drawn, hasResult ? DASH_MS : 0); },
  });
})();
