/* The overview: what its cells stand for, its menu of colours, and whether there is room for the heads' attention. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};

  const LEAST_PX = 24;  // side of a head's cell that shows its attention
  const UNEVEN = 0.8;   // what a wall with a last row that is not full must gain
  let wall = null;      // [columns, height of a head's cell divided by its width], or null: no room

  /* The wall with the largest cells, if they are large enough. */
  function roomFor({ layout, _fullLayout }) {
    const [width, height, count] = layout.meta.wall, { w, h } = _fullLayout._size;
    const walls = [...Array(count).keys()].map((n) => {
      const [across, down] = [width * w / (n + 1), height * h / Math.ceil(count / (n + 1))];
      const side = Math.min(across, down);
      return { columns: n + 1, side, worth: count % (n + 1) ? UNEVEN * side : side, aspect: down / across };
    });
    const best = walls.reduce((one, other) => (other.worth > one.worth ? other : one));
    return best.side < LEAST_PX ? null : [best.columns, Math.round(10 * best.aspect) / 10];
  }

  document.addEventListener("figuredrawn", ({ target }) => {
    if (!target.closest("#overview-graph") || !target.layout?.meta?.wall) return;
    const room = roomFor(target);
    if (String(room) === String(wall)) return;
    wall = room;
    dash.set_props("overview-wall", { data: wall });
  });

  Object.assign(explorer, {
    /* Columns of heads, for the arrow keys. */
    overviewColumns: () => (wall ? wall[0] : 1),

    /* A cell's part, to fill a template with: its custom data is the number of a box of the 3D scene. */
    partOfCell({ customdata: box }, { per_block, names, values, neurons }) {
      const unit = box % per_block;
      return { block: Math.floor(box / per_block), unit, name: names[unit], value: values[box], neuron: neurons?.[box] };
    },

    /* The overview's menu of colours shows the value of the scene's, which the server reads. */
    showColoring: (scene) => scene,
  });

  /* Only what a person chooses in it goes the other way: an echo of the scene's value could undo its next one. */
  document.addEventListener("change", ({ target: { id, value } }) => {
    if (id === "overview-color") dash.set_props("architecture-color", { value });
  });
})();
