/* Points of figures: the selection that a click on one names, and what is highlighted and shown while the mouse is over
   one. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const tip = document.createElement("div");
  Object.assign(tip, { id: "cell-tip", className: "scene-tip", ariaHidden: "true" });

  const fillIn = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  /* What a cell of the overview stands for: its custom data is the number of a box of the 3D scene. */
  function boxOf({ customdata: box }, { per_block, names, values, neurons }) {
    const unit = box % per_block;
    return { block: Math.floor(box / per_block), unit, name: names[unit], value: values[box], neuron: neurons?.[box] };
  }

  /* The text for a cell of an image: its value is a share, or in a byte image a level, which indexes a table of values. */
  function cellText(point, meta) {
    const { words, values, per_block, x: columns, y: rows } = meta;
    if (per_block) return fillIn(words, boxOf(point, meta));
    const { x, y, z } = point;
    const value = values ? values[z] : `${(100 * z).toFixed(1)}%`;
    return value && fillIn(words, { x: columns[x], y: rows[y], value });
  }

  function boxText({ customdata, meta }, box) {
    const own = customdata[box];
    if (typeof own === "string") return own;
    return fillIn(meta.select, { block: Math.floor(box / meta.per_block), neuron: own });
  }

  Object.assign(explorer, {
    /* The selection text of the first point of `clickData` or `hoverData`: in the 3D scene one for each box of 8
       vertices, or its neuron, which a template names; elsewhere one for each point, one for the whole trace, or a
       template that an image fills in with the cell's row and column, or the overview with what the cell stands for. */
    selectionTextAt(data, figure) {
      const point = data && data.points && data.points[0];
      const trace = point && figure && figure.data[point.curveNumber];
      if (!trace) return null;
      if (trace.type === "mesh3d") return boxText(trace, Math.floor(point.pointNumber / 8));
      if (typeof point.customdata === "string") return point.customdata;
      if (!trace.meta?.select) return trace.meta || null;
      return fillIn(trace.meta.select, trace.meta.per_block ? boxOf(point, trace.meta) : point);
    },

    /* Highlight the token of the point under the mouse in the token strip. Name the cell of an image at the mouse. */
    hoverToken() {
      const { inputs_list, states_list, triggered } = dash.callback_context;
      const ids = triggered.map((t) => t.prop_id.split(".")[0]);
      const { id, value } = inputs_list.find(({ id, value }) => ids.includes(id) && value) || {};
      const figure = value && states_list.find((state) => state.id === id).value;
      const meta = figure && figure.data[value.points[0].curveNumber]?.meta;
      const isImage = Boolean(meta && meta.words);
      const text = isImage ? cellText(value.points[0], meta) : "";
      tip.textContent = text;
      tip.classList.toggle("shown", Boolean(text));
      document.documentElement.classList.toggle("over-image", isImage);  // hides Plotly's own hover label
      (document.fullscreenElement || document.body).append(tip);
      const position = explorer.parseSelection(explorer.selectionTextAt(value, figure))?.position ?? null;
      document.querySelectorAll(".chip-hovered").forEach((chip) => chip.classList.remove("chip-hovered"));
      document.querySelector(`#strip-chips [data-select="@${position}"]`)?.classList.add("chip-hovered");
    },
  });
})();
