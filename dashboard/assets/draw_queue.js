/* Figures are drawn after the page has painted its words, a few in each frame, so that the page answers at once. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const FRAME_MS = 8;    // of a frame, after which the next figure waits for the next frame
  const HIDDEN_MS = 50;  // a tab that is not shown has no frames
  const queue = [];

  function drawSome() {
    const begin = performance.now();
    while (queue.length && performance.now() - begin < FRAME_MS) queue.shift()();
    if (queue.length) afterFrame();
  }

  function afterFrame() {
    if (document.hidden) setTimeout(drawSome, HIDDEN_MS);
    else requestAnimationFrame(() => setTimeout(drawSome));
  }

  /* A promise of what `draw` returns in its turn. */
  explorer.drawInTurn = (draw) => new Promise((resolve, reject) => {
    queue.push(() => {
      try {
        resolve(draw());
      } catch (error) {
        reject(error);
      }
    });
    if (queue.length === 1) afterFrame();
  });
})();
