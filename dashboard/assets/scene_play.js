/* Play: a walk through the network, from the embedding through the blocks to the output. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const STEP_MS = { slow: 2000, normal: 1000, fast: 400 };
  const DRAWING_MS = 50;
  let timer = null;      // of the next step, while playing
  let isBegun = false;   // a paused walk goes on from the selection

  const panel = () => document.getElementById("architecture-panel");
  const isAtEnd = () => explorer.selection()?.part === "output";

  function words() {
    panel().classList.toggle("playing", isBegun);
    if (timer !== null) return "❚❚ Pause";
    return isBegun ? "▶ Continue" : "▶ Play";
  }

  function schedule(step) {
    const speed = document.getElementById("architecture-speed").value;
    timer = setTimeout(step, STEP_MS[speed]);
  }

  /* The next step comes when the last one is drawn, however slow the server is. */
  function step() {
    const isShown = panel().dataset.selection === explorer.writeSelection(explorer.selection());
    if (!isShown || document.querySelector(".dash-graph--pending")) {
      timer = setTimeout(step, DRAWING_MS);
    } else if (isAtEnd()) {
      [timer, isBegun] = [null, false];
      dash.set_props("architecture-play", { children: words() });
    } else {
      explorer.request({ along: "block", by: 1, replace: true });
      schedule(step);
    }
  }

  explorer.play = (clicks) => {
    if (!clicks || !explorer.selection()) return dash.no_update;
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
      return words();
    }
    panel().scrollIntoView({ block: "nearest" });
    if (!isBegun || isAtEnd()) explorer.request({ select: "embedding", replace: true });
    isBegun = true;
    schedule(step);
    return words();
  };
})();
