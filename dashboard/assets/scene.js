/* The 3D scene's hover label and its walk through the blocks. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const STEP_MS = 900;
  const TEXT_PX = 100;
  let walk = null;
  let fitted = null;  // the geometry whose opening view was made to fit the picture

  const words = (text) => text
    .replace(/^block\.(\d+)\./, "Block $1 · ").replace("attention.head.", "head ").replace(/^embedding$/, "Token embedding")
    .replace(/^norm$/, "Final norm").replace(/^output$/, "Output");

  function stop() {
    clearInterval(walk);
    walk = null;
    return "▶ Play through the blocks";
  }

  /* The opening view, made small enough for the picture's width and the texts at its sides. */
  function openingView({ camera, aspectratio }) {
    const plot = document.querySelector("#architecture-graph .js-plotly-plot");
    if (!plot || !plot._fullLayout || !plot._fullLayout.scene) {  // not drawn yet
      setTimeout(() => openingView({ camera, aspectratio }), 100);
      return;
    }
    const fit = Math.min(1, (plot.clientWidth - TEXT_PX) / plot.clientHeight / 1.63);
    const scaled = Object.fromEntries(Object.entries(aspectratio).map(([axis, value]) => [axis, value * fit]));
    window.Plotly.relayout(plot, { "scene.camera": camera, "scene.aspectratio": scaled });
  }

  /* The camera glides on for a moment after the mouse has let go. */
  function keepCamera(view, camera) {
    view.camera = camera;
    setTimeout(() => {
      const now = document.querySelector("#architecture-graph .js-plotly-plot")._fullLayout.scene._scene.getCamera();
      if (JSON.stringify(now) !== JSON.stringify(camera)) keepCamera(view, now);
    }, 100);
  }

  Object.assign(explorer, {
    /* Name, one number, unit. The values are those that the server sent with the colours. */
    hover(data, figure) {
      const tip = document.getElementById("architecture-tip");
      const point = data && data.points && data.points[0];
      const trace = point && figure.data[point.curveNumber];
      if (!trace || trace.type !== "mesh3d") { tip.classList.remove("shown"); return dash.no_update; }
      const node = Math.floor(point.pointNumber / 8);
      const { values, unit } = trace.meta;
      const value = values[node];
      tip.textContent = (trace.hovertext ? trace.hovertext[node] : words(trace.customdata[node]))
        + (value === null || value === undefined ? "" : `: ${value} ${unit}`);
      tip.classList.add("shown");
      return dash.no_update;
    },

    resetView(_clicks, drawn, figure) {
      const asked = dash.callback_context.triggered_id === "architecture-reset";
      if (asked || drawn !== fitted) openingView(figure.layout.meta);
      fitted = drawn;
    },

    /* Later changes are laid over the figure as the page holds it: the view that a person chose belongs in there.
       (Plotly's own keeping of it, by uirevision, now and then loses a race against the drawing.) */
    keepView(changed, figure) {
      if (!changed || !figure) return;  // the empty picture before the first one
      const view = figure.layout.scene;
      if (changed["scene.aspectratio"]) view.aspectratio = changed["scene.aspectratio"];
      if (changed["scene.camera"]) keepCamera(view, changed["scene.camera"]);
    },

    play(clicks) {
      if (!clicks) return dash.no_update;
      if (walk) return stop();
      const go = () => {
        const { block } = explorer.selection() || {};
        const last = (explorer.shown() || { n_blocks: 0 }).n_blocks - 1;
        if (walk && block === last) { dash.set_props("architecture-play", { children: stop() }); return; }
        explorer.request({ along: "block", by: 1, wrap: block === null || block === last, replace: true });
      };
      go();
      walk = setInterval(go, STEP_MS);
      return "■ Stop";
    },
  });

  document.addEventListener("mousemove", (event) => {
    for (const tip of document.querySelectorAll(".scene-tip")) {
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
      tip.style.top = `${event.clientY + 14}px`;
    }
  }, { passive: true });

  /* Without WebGL the scene cannot be drawn; everything can still be selected without it. */
  addEventListener("load", () => {
    const probe = document.createElement("canvas");
    if (probe.getContext("webgl2") || probe.getContext("webgl")) return;
    document.documentElement.classList.add("no-webgl");
  });
})();
