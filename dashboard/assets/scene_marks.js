/* Marks of the selection in the 3D scene: an outline of the selected part, and a frame around its block. They are drawn
   over the scene, in the place of the figure's own, so that they follow each key press at once and at no cost. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const [HEADS, TILES, ENDS, MARK, FRAME] = [0, 1, 2, 5, 6];  // traces of layouts/figures/architecture.py
  const CORNERS = 8;  // of a box: the first has the smallest coordinates, the last the largest
  const NOTHING = { x: [null], y: [null], z: [null] };
  const template = document.createElement("template");
  template.innerHTML = "<svg><g><polygon class='scene-frame'/><polygon class='scene-mark'/></g></svg>";
  const group = template.content.querySelector("g");
  const [frame, mark] = group.children;

  /* The corners of a mesh's box, grown by `by` of its size and by `gap` of its shorter side. */
  function cornersOf({ x, y, z }, box, { by = 0, gap = 0 }) {
    const [low, high] = [CORNERS * box, CORNERS * box + CORNERS - 1];
    const half = [x, y, z].map((axis) => (axis[high] - axis[low]) / 2);
    const middle = [x, y, z].map((axis) => (axis[high] + axis[low]) / 2);
    const grown = half.map((one) => (1 + by) * one + gap * Math.min(half[1], half[2]));
    return [...Array(CORNERS).keys()].map((n) =>
      middle.map((one, axis) => one + (n >> axis & 1 ? grown[axis] : -grown[axis])));
  }

  /* The corners of a part of a block, from low to high. margin: around it, in widths of a wall. */
  function around({ top, bottom }, x, [low, high], margin) {
    const [y, z] = [0.5 + margin, margin * Math.max(0.3, 0.1 * (top - bottom))];
    return [[x, -y, low - z], [x, y, low - z], [x, y, high + z], [x, -y, high + z]];
  }

  /* The corners of both marks, which are those of layouts/figures/scene_marks.py. */
  function marksOf(data, walls, { part, block, head, neuron }, { n_heads }) {
    if (block === null) {
      return [[], cornersOf(data[ENDS], ["embedding", "norm", "output"].indexOf(part), { by: 0.15 })];
    }
    const heads = data[HEADS];
    const x = (heads.x[CORNERS * block * n_heads] + heads.x[CORNERS * block * n_heads + CORNERS - 1]) / 2;
    const whole = around(walls, x, [walls.bottom, walls.top], 0.1);
    if (head !== null) return [whole, cornersOf(heads, block * n_heads + head, { gap: 0.12 })];
    if (neuron !== null) {
      const tile = block * walls.n_tiles + Math.floor(neuron / walls.tile_width);
      return [whole, cornersOf(data[TILES], tile, { gap: 0.12 })];
    }
    const wall = part === "attention" ? [walls.free, walls.top] : [walls.bottom, -walls.free];
    return [whole, around(walls, x, wall, 0.04)];
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
      [frame, mark].forEach((polygon, n) => {
        const corners = marksOf(data, walls, selection, prompt)[n];
        const points = scene.hullOf(corners.map((corner) => scene.project(scene.frame, ...corner)));
        polygon.setAttribute("points", points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
      });
      own.svgContainer.prepend(group);
    },
  });
})();
