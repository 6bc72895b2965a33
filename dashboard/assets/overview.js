/* The overview: what its cells stand for, and its menu of colours. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};

  Object.assign(explorer, {
    /* A cell's part, to fill a template with: its custom data is the number of a box of the 3D scene. */
    partOfCell({ customdata: box }, { per_block, names, values, neurons }) {
      const unit = box % per_block;
      return { block: Math.floor(box / per_block), unit, name: names[unit], value: values[box], neuron: neurons?.[box] };
    },

    /* The scene's menu of colours, which the server reads, and the overview's show the same value. */
    shareColoring(scene, overview) {
      if (scene === overview) return;
      const isFromOverview = dash.callback_context.triggered_id === "overview-color";
      const [other, value] = isFromOverview ? ["architecture-color", overview] : ["overview-color", scene];
      dash.set_props(other, { value });
    },
  });
})();
