/* Points of figures: the selection that a click on one names, and what is highlighted and shown while the mouse is over
   one. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const fillIn = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  /* The text for a cell of an image: its value is a share or a norm, or in a byte image a level, which indexes a table
     of values. */
  function cellText(point, meta) {
    const { words, values, norms, per_block, x: columns, y: rows } = meta;
    if (per_block) return fillIn(words, explorer.partOfCell(point, meta));
    const { x, y, z } = point;
    const value = values ? values[z] : norms ? Number(z.toPrecision(3)) : `${(100 * z).toFixed(1)}%`;
    return value === "" ? "" : fillIn(words, { x: columns[x], y: rows[y], value });
  }

  function highlightToken(text) {
    const position = explorer.parseSelection(text)?.position ?? null;
    document.querySelectorAll(".chip-hovered").forEach((chip) => chip.classList.remove("chip-hovered"));
    document.querySelector(`#strip-chips [data-select="@${position}"]`)?.classList.add("chip-hovered");
  }

  Object.assign(explorer, {
    fillIn, cellText,

    /* Highlight the token of a selection text in the token strip. */
    highlightToken,

    /* The selection text of the first point of `clickData` or `hoverData`: one for each point, one for the whole trace,
       or a template that is filled in with an image's row and column, or with what a cell of the overview stands for. */
    selectionTextAt(data, figure) {
      const point = data && data.points && data.points[0];
      const trace = point && figure && figure.data[point.curveNumber];
      if (!trace) return null;
      if (typeof point.customdata === "string") return point.customdata;
      if (!trace.meta?.select) return trace.meta || null;
      return fillIn(trace.meta.select, trace.meta.per_block ? explorer.partOfCell(point, trace.meta) : point);
    },

    /* Highlight the token of the point under the mouse in the token strip. Name the cell of an image at the mouse. */
    hoverToken() {
      const { inputs_list, states_list, triggered } = dash.callback_context;
      const ids = triggered.map((t) => t.prop_id.split(".")[0]);
      const { id, value } = inputs_list.find(({ id, value }) => ids.includes(id) && value) || {};
      const figure = value && states_list.find((state) => state.id === id).value;
      const meta = figure && figure.data[value.points[0].curveNumber]?.meta;
      const isImage = Boolean(meta && meta.words);
      explorer.showTip(isImage ? cellText(value.points[0], meta) : "");
      document.documentElement.classList.toggle("over-image", isImage);  // hides Plotly's own hover label
      highlightToken(explorer.selectionTextAt(value, figure));
    },
  });
})();
