/* The 3D scene: its hover label, its view, and the walk through the blocks. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const STEP_MS = 900;
  const TEXT_PX = 100;  // kept free at the sides
  const ENDS = { embedding: "Token embedding", norm: "Final norm", output: "Output" };
  let walk = null;
  let fitted = null;  // the geometry that the opening view was last fitted to

  function nameOf(text) {
    const { part, block, head } = explorer.parseSelection(text);
    return ENDS[part] ?? `Block ${block} · head ${head}`;
  }

  function stop() {
    clearInterval(walk);
    walk = null;
    return "▶ Play through the blocks";
  }

  /* The opening view, scaled down to the picture's width without the labels at its sides. */
  function fitOpeningView({ camera, aspectratio }) {
    const plot = document.querySelector("#architecture-graph .js-plotly-plot");
    if (!plot || !plot._fullLayout || !plot._fullLayout.scene) {  // not drawn yet
      setTimeout(() => fitOpeningView({ camera, aspectratio }), 100);
      return;
    }
    const fit = Math.min(1, (plot.clientWidth - TEXT_PX) / plot.clientHeight / 1.63);
    const scaled = Object.fromEntries(Object.entries(aspectratio).map(([axis, value]) => [axis, value * fit]));
    window.Plotly.relayout(plot, { "scene.camera": camera, "scene.aspectratio": scaled });
  }

  /* The camera goes on moving for a moment after the mouse button is released. */
  function keepCamera(view, camera) {
    view.camera = camera;
    setTimeout(() => {
      const now = document.querySelector("#architecture-graph .js-plotly-plot")._fullLayout.scene._scene.getCamera();
      if (JSON.stringify(now) !== JSON.stringify(camera)) keepCamera(view, now);
    }, 100);
  }

  Object.assign(explorer, {
    /* The label at the mouse: name, value and unit. The values came with the colours. */
    hover(data, figure) {
      const tip = document.getElementById("architecture-tip");
      const point = data && data.points && data.points[0];
      const trace = point && figure.data[point.curveNumber];
      if (!trace || trace.type !== "mesh3d") { tip.classList.remove("shown"); return dash.no_update; }
      const node = Math.floor(point.pointNumber / 8);
      const { values, unit } = trace.meta;
      const value = values[node];
      tip.textContent = (trace.hovertext ? trace.hovertext[node] : nameOf(trace.customdata[node]))
        + (value === null || value === undefined ? "" : `: ${value} ${unit}`);
      tip.classList.add("shown");
      return dash.no_update;
    },

    resetView(_clicks, drawn, figure) {
      const isRequested = dash.callback_context.triggered_id === "architecture-reset";
      // Without a geometry (weights not loaded yet), the figure is only a message.
      if (drawn && (isRequested || drawn !== fitted)) fitOpeningView(figure.layout.meta);
      fitted = drawn;
    },

    /* Patches are applied to the figure that the page holds, so the visitor's view is written into it. (Plotly's
       `uirevision`, which should keep it, sometimes loses a race against the drawing.) */
    keepView(changed, figure) {
      if (!changed || !figure) return;  // the empty figure before the first drawing
      const view = figure.layout.scene;
      if (changed["scene.aspectratio"]) view.aspectratio = changed["scene.aspectratio"];
      if (changed["scene.camera"]) keepCamera(view, changed["scene.camera"]);
    },

    hasWebgl: () => !document.documentElement.classList.contains("no-webgl"),

    /* Without WebGL, Plotly would write an error in place of a 3D figure. A page that opens waits for its selection,
       since the answer about its text closes the notice. */
    keepIn2d(dimensions, selection) {
      if (dimensions !== "3" || !selection || explorer.hasWebgl()) return;
      explorer.notice("This browser does not support WebGL, so the embeddings are shown in 2D.");
      dash.set_props("embedding-dimensions", { value: "2" });
    },

    /* The scene's menu of colours, which the server reads, and the overview's show the same value. */
    shareColoring(scene, overview) {
      if (scene === overview) return;
      const isFromOverview = dash.callback_context.triggered_id === "overview-color";
      dash.set_props(isFromOverview ? "architecture-color" : "overview-color", { value: isFromOverview ? overview : scene });
    },

    play(clicks) {
      if (!clicks) return dash.no_update;
      if (walk) return stop();
      const step = () => {
        const { block } = explorer.selection() || {};
        const last = (explorer.shown() || { n_blocks: 0 }).n_blocks - 1;
        if (walk && block === last) { dash.set_props("architecture-play", { children: stop() }); return; }
        explorer.request({ along: "block", by: 1, wrap: block === null || block === last, replace: true });
      };
      step();
      walk = setInterval(step, STEP_MS);
      return "■ Stop";
    },
  });

  document.addEventListener("mousemove", (event) => {
    for (const tip of document.querySelectorAll(".scene-tip")) {
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
      tip.style.top = `${event.clientY + 14}px`;
    }
  }, { passive: true });

  /* Without WebGL, the page shows the overview in place of the scene, and embeddings in 2D. The first drawing of the
     page comes after this. */
  addEventListener("DOMContentLoaded", () => {
    const probe = document.createElement("canvas");
    if (probe.getContext("webgl2") || probe.getContext("webgl")) return;
    document.documentElement.classList.add("no-webgl");
  });
})();
