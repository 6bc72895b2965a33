/* Labels of points: in a small place, fewer of them fit. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const LINE = 16, LABEL_LETTER = 6.8;  // pixels of a line and of a letter; larger points lift their labels
  const AXIS_PX = 50;                   // of an axis with its numbers
  const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
    i4: Int32Array, u4: Uint32Array };

  /* The numbers of an array as Plotly receives it: plain, or bytes in base64. */
  function numbers(array) {
    if (!array?.bdata) return array ?? [];
    const bytes = Uint8Array.from(atob(array.bdata), (letter) => letter.charCodeAt(0));
    return new KINDS[array.dtype](bytes.buffer);
  }

  /* The labels of points without those that would lie over others; the last trace's, the selected token's, go first. */
  explorer.withoutOverlaps = function (data, { xaxis, yaxis, margin }, width, height) {
    const taken = [];
    const least = margin?.t > AXIS_PX / 2 ? 2 * LINE : -LINE;  // above the points, a colour bar may have its numbers
    const [xs, ys] = [xaxis.range, yaxis.range];
    const labelled = (trace) => trace.type === "scatter" && trace.mode?.includes("text") && Array.isArray(trace.text);
    const thinnedTrace = (trace) => {
      const [x, y] = [numbers(trace.x), numbers(trace.y)];
      const text = trace.text.map((label, n) => {
        if (!label) return label;
        const half = LABEL_LETTER * label.replace(/<[^>]*>|&\w+;/g, "").length / 2;
        const side = { "top left": -half, "top right": half }[[trace.textposition].flat()[n]] ?? 0;
        const left = (width - AXIS_PX) * (x[n] - xs[0]) / (xs[1] - xs[0]) + side - half;
        const top = (height - AXIS_PX) * (ys[1] - y[n]) / (ys[1] - ys[0]);
        const right = left + 2 * half;
        const isFree = top > least && taken.every((other) => left > other.right || right < other.left
          || Math.abs(top - other.top) > LINE);
        if (isFree) taken.push({ left, right, top });
        return isFree ? label : "";
      });
      return { ...trace, text };
    };
    return [...data].reverse().map((trace) => (labelled(trace) ? thinnedTrace(trace) : trace)).reverse();
  };
})();
