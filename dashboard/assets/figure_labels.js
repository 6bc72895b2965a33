/* Labels of points: on which side of its point each has room, if anywhere. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const LINE = 16, LABEL_LETTER = 6.8;  // pixels of a line and of a letter
  const LIFT = 5;                       // by which a large point moves its label away
  const RISE = 11, BESIDE = 7, POINT = 4;  // of a label's middle above its point, of its end beside it; half of a point
  const AXIS_PX = 50;                   // of an axis with its numbers
  const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
    i4: Int32Array, u4: Uint32Array };

  /* The numbers of an array as Plotly receives it: plain, or bytes in base64. */
  function numbers(array) {
    if (!array?.bdata) return array ?? [];
    const bytes = Uint8Array.from(atob(array.bdata), (letter) => letter.charCodeAt(0));
    return new KINDS[array.dtype](bytes.buffer);
  }

  /* A label's rectangle on each side of its point, the best side first. */
  function places({ x, y }, half) {
    const at = (side, middle, rise) =>
      ({ side, left: middle - half, right: middle + half, top: y + rise - LINE / 2, bottom: y + rise + LINE / 2 });
    return [at("top center", x, -RISE), at("bottom center", x, RISE), at("middle right", x + BESIDE + half, 0),
      at("middle left", x - BESIDE - half, 0)];
  }

  const overlap = (one, other) =>
    one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

  /* The labels of points where they lie over no other label and no other point; those that would have none. The last
     trace's, the selected token's, goes first and stays, if need be over other points. */
  explorer.withoutOverlaps = function (data, { xaxis, yaxis, margin }, width, height) {
    const [right, bottom] = [width - AXIS_PX, height - AXIS_PX];
    const least = margin?.t > AXIS_PX / 2 ? LINE : 0;  // above it, a colour bar may have its numbers
    const [xs, ys] = [xaxis.range, yaxis.range];
    const labelled = (trace) => trace.type === "scatter" && trace.mode?.includes("text") && Array.isArray(trace.text);
    const pixels = new Map(data.filter(labelled).map((trace) => {
      const [x, y] = [numbers(trace.x), numbers(trace.y)];
      return [trace, trace.text.map((_, n) => ({
        x: right * (x[n] - xs[0]) / (xs[1] - xs[0]), y: bottom * (ys[1] - y[n]) / (ys[1] - ys[0]) }))];
    }));
    const taken = [...pixels.values()].flat()
      .map(({ x, y }) => ({ left: x - POINT, right: x + POINT, top: y - POINT, bottom: y + POINT }));
    const isFree = (place) => place.left > -AXIS_PX / 2 && place.right < right + 4 && place.top > least
      && place.bottom < bottom && !taken.some((other) => overlap(place, other));
    const placed = (trace) => {
      const textposition = [], isSelected = trace === data.at(-1);
      const lift = isSelected ? LIFT : 0;
      const text = trace.text.map((label, n) => {
        const letters = label.replace(/<[^>]*>/g, "").replace(/&\w+;/g, "x").length;
        const sides = places(pixels.get(trace)[n], LABEL_LETTER * letters / 2 + 2);
        const place = label && (sides.find(isFree) ?? (isSelected && sides[0]));
        textposition.push(place?.side ?? "top center");
        if (place) taken.push({ ...place, top: place.top - lift, bottom: place.bottom + lift });
        return place ? label : "";
      });
      return { ...trace, text, textposition };
    };
    return [...data].reverse().map((trace) => (pixels.has(trace) ? placed(trace) : trace)).reverse();
  };
})();
