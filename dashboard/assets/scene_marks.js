/* Marks of the selection in the 3D scene: an outline of the selected part, and a frame around its block. They are drawn
   over the scene, in the place of the figure's own, so that they follow each key press at once and at no cost. They
   glide to a new selection, unless the system asks for reduced motion. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const [HEADS, TILES, ENDS, MARK, FRAME] = [0, 1, 2, 5, 6];  // traces of layouts/figures/architecture.py
  const CORNERS = 8;  // of a box: the first has the smallest coordinates, the last the largest
  const GLIDE_MS = 150;
  const NOTHING = { x: [null], y: [null], z: [null] };
  const template = document.createElement("template");
  template.innerHTML = "<svg><g><polygon class='scene-frame'/><polygon class='scene-mark'/></g></svg>";
  const group = template.content.querySelector("g");
  const [frame, mark] = group.children;
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  let glide = { geometry: "", from: [], to: [], shown: [], begun: -Infinity };  // of the frame and the outline
  let next = null;  // the next step of it

  /* A cuboid {low, high}: a mesh's box, grown by `by` of its size and by `gap` of its shorter side. */
  function cuboidOf({ x, y, z }, box, { by = 0, gap = 0 }) {
    const [first, last] = [CORNERS * box, CORNERS * box + CORNERS - 1];
    const half = [x, y, z].map((axis) => (axis[last] - axis[first]) / 2);
    const middle = [x, y, z].map((axis) => (axis[last] + axis[first]) / 2);
    const grown = half.map((one) => (1 + by) * one + gap * Math.min(half[1], half[2]));
    return { low: middle.map((one, n) => one - grown[n]), high: middle.map((one, n) => one + grown[n]) };
  }

  /* The cuboid, without depth, of a part of a block, from low to high. margin: around it, in widths of a wall. */
  function around({ top, bottom }, x, [low, high], margin) {
    const [y, z] = [0.5 + margin, margin * Math.max(0.3, 0.1 * (top - bottom))];
    return { low: [x, -y, low - z], high: [x, y, high + z] };
  }

  /* The cuboids of both marks, which are those of layouts/figures/scene_marks.py; no frame around an end. */
  function marksOf(data, walls, { part, block, head, neuron }, { n_heads }) {
    if (block === null) {
      return [null, cuboidOf(data[ENDS], ["embedding", "norm", "output"].indexOf(part), { by: 0.15 })];
    }
    const heads = data[HEADS];
    const x = (heads.x[CORNERS * block * n_heads] + heads.x[CORNERS * block * n_heads + CORNERS - 1]) / 2;
    const whole = around(walls, x, [walls.bottom, walls.top], 0.1);
    if (head !== null) return [whole, cuboidOf(heads, block * n_heads + head, { gap: 0.12 })];
    if (neuron !== null) {
      const tile = block * walls.n_tiles + Math.floor(neuron / walls.tile_width);
      return [whole, cuboidOf(data[TILES], tile, { gap: 0.12 })];
    }
    const wall = part === "attention" ? [walls.free, walls.top] : [walls.bottom, -walls.free];
    return [whole, around(walls, x, wall, 0.04)];
  }

  const between = (from, to, share) => from.map((value, n) => value + share * (to[n] - value));

  /* Begin to glide to other places, unless the scene is another one or the system asks for reduced motion. */
  function moveTo(places, geometry) {
    if (geometry === glide.geometry && JSON.stringify(places) === JSON.stringify(glide.to)) return;
    const glides = geometry === glide.geometry && !reduced.matches;
    const from = glides ? places.map((_, n) => glide.shown[n]) : places;
    glide = { geometry, from, to: places, shown: from, begun: glides ? performance.now() : -Infinity };
  }

  /* The places of the marks now; true while they move. */
  function step() {
    const share = Math.min(1, (performance.now() - glide.begun) / GLIDE_MS);
    const eased = 1 - (1 - share) ** 3;  // fast at first
    glide.shown = glide.to.map((to, n) => {
      const from = glide.from[n];
      if (!from || !to || share === 1) return to;
      return { low: between(from.low, to.low, eased), high: between(from.high, to.high, eased) };
    });
    return share < 1;
  }

  function pointsOf({ low, high }) {
    const corners = [...Array(CORNERS).keys()].map((n) => low.map((one, axis) => (n >> axis & 1 ? high[axis] : one)));
    return scene.hullOf(corners.map((corner) => scene.project(scene.frame, ...corner)));
  }

  Object.assign(scene, {
    /* After new data, hide the figure's own marks, which are those of what the server has drawn. */
    hideOwnMarks(plot) {
      const own = scene.ownOf(plot);
      for (const trace of [MARK, FRAME].map((index) => plot._fullData[index])) {
        own.traces[trace?.uid]?.update({ ...trace, ...NOTHING });
      }
      own.glplot.update();
    },

    /* Draw the marks for the frame that is on the screen. */
    drawMarks(plot) {
      const [selection, prompt, own] = [explorer.selection(), explorer.shown(), scene.ownOf(plot)];
      const [data, { walls }] = [plot?._fullData, plot?.layout?.meta ?? {}];
      // After a change of the model the scene is still the one before for a moment.
      const isDrawn = own && scene.frame && walls && selection
        && data[HEADS].x.length === CORNERS * prompt.n_blocks * prompt.n_heads;
      if (!isDrawn) { group.remove(); return; }
      moveTo(marksOf(data, walls, selection, prompt), scene.shapeOf(plot).geometry);
      const isMoving = step();
      [frame, mark].forEach((polygon, n) => {
        const points = glide.shown[n] ? pointsOf(glide.shown[n]) : [];
        polygon.setAttribute("points", points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
      });
      own.svgContainer.prepend(group);
      cancelAnimationFrame(next);
      if (isMoving) next = requestAnimationFrame(() => scene.drawMarks(plot));
    },
  });
})();
