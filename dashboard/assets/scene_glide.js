/* The marks of the selection in the 3D scene glide to a new selection, unless the system asks for reduced motion. Only
   what is on the screen moves: the figure has the new place at once. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const GLIDE_MS = 150;
  const AXES = ["x", "y", "z"];
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  let seen = new Map();  // by a line's uid: the cuboid that it fills on the screen, {low, high}
  let seenIn = "";       // the geometry of the scene that they are in
  let moves = [];        // {line, trace, from, to}
  let begun = null;      // when they began
  let next = null;       // the next step

  /* The smallest cuboid around a line, by axis; null for a line without points. */
  function cuboidOf(trace) {
    const numbers = AXES.map((axis) => [...(trace[axis] ?? [])].filter(Number.isFinite));
    if (!numbers[0].length) return null;
    return { low: numbers.map((all) => Math.min(...all)), high: numbers.map((all) => Math.max(...all)) };
  }

  const between = (from, to, share) => from.map((value, n) => value + share * (to[n] - value));

  /* The line as it is in another cuboid than its own. */
  function movedInto(trace, own, { low, high }) {
    const moved = AXES.map((axis, n) => {
      const size = own.high[n] - own.low[n];
      const place = (value) => low[n] + (high[n] - low[n]) * (size ? (value - own.low[n]) / size : 0.5);
      return [axis, [...trace[axis]].map((value) => (Number.isFinite(value) ? place(value) : value))];
    });
    return { ...trace, ...Object.fromEntries(moved) };
  }

  function draw(plot, share) {
    const own = scene.ownOf(plot);
    for (const { line, trace, from, to } of moves) {
      if (own?.traces[trace.uid] !== line) continue;  // Plotly has drawn another figure
      const cuboid = { low: between(from.low, to.low, share), high: between(from.high, to.high, share) };
      line.update(share < 1 ? movedInto(trace, to, cuboid) : trace);
      seen.set(trace.uid, cuboid);
    }
    own?.glplot.redraw();
  }

  function step(plot, now) {
    begun ??= now;
    const share = Math.min(1, (now - begun) / GLIDE_MS);
    draw(plot, 1 - (1 - share) ** 3);  // fast at first
    next = share < 1 ? requestAnimationFrame((time) => step(plot, time)) : null;
  }

  /* Begin where the marks are on the screen, as soon as Plotly has their new place. */
  scene.glide = (plot) => {
    cancelAnimationFrame(next);
    const own = scene.ownOf(plot), { geometry } = scene.shapeOf(plot);
    const isSameScene = geometry === seenIn && !reduced.matches && scene.sizeOf(plot).height > 0;
    const before = seen;
    [seen, seenIn, moves, begun, next] = [new Map(), geometry, [], null, null];
    for (const trace of plot._fullData) {
      if (trace.type !== "scatter3d") continue;
      const [from, to] = [before.get(trace.uid), cuboidOf(trace)];
      if (to) seen.set(trace.uid, to);
      if (!isSameScene || !from || !to || JSON.stringify(from) === JSON.stringify(to)) continue;
      moves.push({ line: own.traces[trace.uid], trace, from, to });
    }
    if (!moves.length) return;
    draw(plot, 0);
    next = requestAnimationFrame((time) => step(plot, time));
  };
})();
