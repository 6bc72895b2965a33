/* Labels of points: in a small place, fewer of them fit. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const LINE = 13, LABEL_LETTER = 6.8;  // pixels of a line and of a letter
  const RISE = 11, POINT = 4;           // of a label's middle above its point; half of a point
  const AXIS_PX = 50;                   // of an axis with its numbers
  const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
    i4: Int32Array, u4: Uint32Array };

  /* The numbers of an array as Plotly receives it: plain, or bytes in base64. */
  function numbers(array) {
    if (!array?.bdata) return array ?? [];
    const bytes = Uint8Array.from(atob(array.bdata), (letter) => letter.charCodeAt(0));
    return new KINDS[array.dtype](bytes.buffer);
  }

  /* The labels of points without those that would lie over others, or over another point; the last trace's, the
     selected token's, go first. */
  explorer.withoutOverlaps = function (data, { xaxis, yaxis, margin }, width, height) {
    const least = margin?.t > AXIS_PX / 2 ? 2 * LINE : -LINE;  // above the points, a colour bar may have its numbers
    const [xs, ys] = [xaxis.range, yaxis.range];
    const labelled = (trace) => trace.type === "scatter" && trace.mode?.includes("text") && Array.isArray(trace.text);
    const places = new Map(data.filter(labelled).map((trace) => {
      const [x, y] = [numbers(trace.x), numbers(trace.y)];
      return [trace, trace.text.map((_, n) => ({
        x: (width - AXIS_PX) * (x[n] - xs[0]) / (xs[1] - xs[0]),
        y: (height - AXIS_PX) * (ys[1] - y[n]) / (ys[1] - ys[0]) }))];
    }));
    const points = [...places.values()].flat();
    const taken = [];
    const thinnedTrace = (trace) => {
      const text = trace.text.map((label, n) => {
        if (!label) return label;
        const half = LABEL_LETTER * label.replace(/<[^>]*>/g, "").replace(/&\w+;/g, "x").length / 2;
        const { x, y } = places.get(trace)[n];
        const middle = x + ({ "top left": -half, "top right": half }[[trace.textposition].flat()[n]] ?? 0);
        const box = { left: middle - half, right: middle + half, top: y };
        const isFree = y > least
          && taken.every((other) => box.left > other.right || box.right < other.left || Math.abs(y - other.top) > LINE)
          && points.every((other) => Math.abs(other.x - middle) > half + POINT
            || Math.abs(other.y - (y - RISE)) >= LINE / 2 + POINT);
        if (isFree) taken.push(box);
        return isFree ? label : "";
      });
      return { ...trace, text };
    };
    return [...data].reverse().map((trace) => (places.has(trace) ? thinnedTrace(trace) : trace)).reverse();
  };
})();
