/* Marks of the selection in the 3D scene, which follow each key press at once: the lines of
   layouts/figures/scene_marks.py, which the server sends as well when it has drawn the panels. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const [HEADS, TILES, ENDS, MARK, FRAME] = [0, 1, 2, 5, 6];  // traces, as in layouts/figures/architecture.py
  const CORNERS = 8;               // of a box; the first is the lowest on every axis, the last the highest
  const FRONT = [0, 1, 3, 2, 0];   // around a box's first side; those of the opposite side are greater by 4
  const NOTHING = { x: [null], y: [null], z: [null] };

  /* The middle and half the size of a mesh's box. */
  function boxOf({ x, y, z }, box) {
    const [low, high] = [CORNERS * box, CORNERS * box + CORNERS - 1];
    return { center: [x, y, z].map((axis) => (axis[low] + axis[high]) / 2),
      half: [x, y, z].map((axis) => (axis[high] - axis[low]) / 2) };
  }

  /* The edges of a box, or of a rectangle if it has no depth, as one line with gaps. */
  function edges({ center, half }) {
    const corner = (n) => [n & 4, n & 2, n & 1].map((isHigh, axis) => center[axis] + (isHigh ? 1 : -1) * half[axis]);
    const gap = [null, null, null];
    const path = FRONT.map(corner);
    if (half[0]) {
      path.push(gap, ...FRONT.map((n) => corner(n + 4)));
      for (const n of [0, 1, 2, 3]) path.push(gap, corner(n), corner(n + 4));
    }
    return { x: path.map((point) => point[0]), y: path.map((point) => point[1]), z: path.map((point) => point[2]) };
  }

  /* The outline of a part of a block, from low to high. */
  function around({ top, bottom }, x, [low, high], margin) {
    const halfZ = (high - low) / 2 + margin * Math.max(0.3, 0.1 * (top - bottom));
    return edges({ center: [x, 0, (low + high) / 2], half: [0, 0.5 + margin, halfZ] });
  }

  /* The outline of the selected part, and the frame around its block. */
  function marksOf(data, walls, { part, block, head, neuron }, { n_heads }) {
    if (block === null) {
      const { center, half } = boxOf(data[ENDS], ["embedding", "norm", "output"].indexOf(part));
      return [edges({ center, half: half.map((one) => 1.15 * one) }), NOTHING];
    }
    const [x] = boxOf(data[HEADS], block * n_heads).center;
    const frame = around(walls, x, [walls.bottom, walls.top], 0.1);
    let box = null;
    if (head !== null) box = boxOf(data[HEADS], block * n_heads + head);
    if (neuron !== null) box = boxOf(data[TILES], block * walls.n_tiles + Math.floor(neuron / walls.tile_width));
    if (!box) {
      const wall = part === "attention" ? [walls.free, walls.top] : [walls.bottom, -walls.free];
      return [around(walls, x, wall, 0.04), frame];
    }
    const gap = 0.12 * Math.min(box.half[1], box.half[2]);
    return [edges({ center: box.center, half: box.half.map((one) => one + gap) }), frame];
  }

  /* Mark the selection, whatever the server has marked. */
  scene.markSelection = () => {
    const plot = scene.plot();
    const own = scene.ownOf(plot);
    const [selection, prompt] = [explorer.selection(), explorer.shown()];
    const walls = plot?.layout?.meta?.walls;
    if (!own?.glplot || !walls || !selection) return;
    const data = plot._fullData;
    if (data[HEADS].x.length !== CORNERS * prompt.n_blocks * prompt.n_heads) return;  // another model's, for a moment
    marksOf(data, walls, selection, prompt).forEach((line, n) => {
      const trace = data[[MARK, FRAME][n]];
      own.traces[trace.uid]?.update(Object.assign(trace, line));
    });
    own.glplot.update();  // draws in the next frame
  };
})();
