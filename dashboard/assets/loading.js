/* What the page says of itself while its files load, and when one does not. plotly.js, by far the largest, is loaded
   when the first figure is made, and again if that fails; until then the page works without figures. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const WAITS_MS = [1000, 4000];  // after which a file that did not load is asked for again
  const PARTS = ["React", "ReactDOM", "DashRenderer", "dash_core_components", "dash_html_components",
    "dash_bootstrap_components"];
  const INCOMPLETE = "A part of this page did not load. Check the connection and reload the page.";
  const NO_FIGURES = "The figures cannot be drawn: plotly.js, a part of this page, did not load. Check the connection "
    + "and reload the page.";
  let plotly, loading;

  /* The words of the document are there until the page is. */
  new MutationObserver((_, observer) => {
    if (!document.getElementById("panels")) return;
    document.querySelector(".opening").remove();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });

  /* Not before the first paint, whose scripts would have to share the line with it. */
  addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => {
    document.querySelector("link[rel=later]").rel = "prefetch";
  })));

  explorer.openingFailed = () => {
    const state = document.querySelector(".opening-state");
    if (state) state.textContent = INCOMPLETE;
  };

  addEventListener("load", () => { if (PARTS.some((name) => !(name in window))) explorer.openingFailed(); });

  function figuresFailed() {
    document.documentElement.classList.add("no-figures");
    explorer.notice(NO_FIGURES);
  }

  // A component's own script, such as that of figures, is not loaded again.
  addEventListener("error", ({ target }) => { if (/\/async-/.test(target.src)) figuresFailed(); }, true);

  const loadScript = (src) => new Promise((onload, onerror) => {
    document.body.append(Object.assign(document.createElement("script"), { src, onload, onerror }));
  });

  async function loadPlotly(waits) {
    try {
      await loadScript(window._dashPlotlyJSURL);
    } catch {
      if (!waits.length) {
        figuresFailed();
        return new Promise(() => {});  // figures stay as they are
      }
      await new Promise((resolve) => setTimeout(resolve, waits[0]));
      return loadPlotly(waits.slice(1));
    }
    return plotly;
  }

  /* Dash asks for it when it makes the first figure. To a promise it waits as long as it takes; by itself it would give
     up after 30 seconds. */
  Object.defineProperty(window, "Plotly", {
    configurable: true,
    get: () => plotly ?? (loading ??= loadPlotly(WAITS_MS)),
    set: (loaded) => { plotly = explorer.fitFigures(loaded); },
  });
})();
