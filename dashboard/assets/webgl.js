/* Without WebGL, the page shows the overview in place of the 3D scene, and embeddings in 2D. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};

  Object.assign(explorer, {
    hasWebgl: () => !document.documentElement.classList.contains("no-webgl"),

    /* Otherwise Plotly would write an error in place of a 3D figure. A page that opens waits for its selection, since
       the answer about its text closes the notice. */
    keepIn2d(dimensions, selection) {
      if (dimensions !== "3" || !selection || explorer.hasWebgl()) return;
      explorer.notice("This browser does not support WebGL, so the embeddings are shown in 2D.");
      dash.set_props("embedding-dimensions", { value: "2" });
    },
  });

  /* Before the page is drawn for the first time. */
  addEventListener("DOMContentLoaded", () => {
    const probe = document.createElement("canvas");
    if (!probe.getContext("webgl2") && !probe.getContext("webgl")) document.documentElement.classList.add("no-webgl");
  });
})();
