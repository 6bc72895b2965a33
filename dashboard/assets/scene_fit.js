/* The largest view that shows all boxes and labels of the 3D scene, beside the colour bar. In an orthographic
   view, what is drawn grows with the scale, and a label keeps its size in pixels. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const MARGIN_PX = 4;
  const FRAME = 0.028;    // of the height, around the boxes, for any block's frame: the view ignores the selection
  const OVER_PX = 2;      // that a label may stick out before the view is fitted again
  const STEPS = 40;       // of the bisection
  const LARGEST = 100;

  /* The middle of each axis, and what turns a length along it into one of the unscaled scene. */
  function unitsOf(plot) {
    const { glplot, dataScale } = scene.ownOf(plot);
    const ratio = plot.layout.meta.aspectratio;
    return ["x", "y", "z"].map((axis, n) => {
      const [low, high] = glplot.bounds.map((bound) => bound[n] / dataScale[n]);
      return { axis, middle: (low + high) / 2, unit: ratio[axis] / (high - low) };
    });
  }

  /* All that must be seen: its place in the unscaled view (right, up), and the pixels that it takes around that. */
  function itemsOf(plot, angles) {
    const units = unitsOf(plot);
    const { right, up } = scene.axesOf(angles);
    const flat = (point) => {
      const placed = units.map(({ axis, middle, unit }) => (point(axis) - middle) * unit);
      return { right: scene.dot(right, placed), up: scene.dot(up, placed) };
    };
    const ends = { right: [Infinity, -Infinity], up: [Infinity, -Infinity] };
    for (const trace of plot._fullData) {
      if (trace.visible !== true || trace.type !== "mesh3d") continue;
      for (let n = 0; n < trace.x.length; n++) {
        const place = flat((axis) => trace[axis][n] ?? NaN);
        for (const side of ["right", "up"]) {
          if (place[side] < ends[side][0]) ends[side][0] = place[side];
          if (place[side] > ends[side][1]) ends[side][1] = place[side];
        }
      }
    }
    const room = FRAME * scene.sizeOf(plot).height;
    const around = { left: -room, top: -room, width: 2 * room, height: 2 * room };
    const corners = [0, 1].map((n) => ({ right: ends.right[n], up: ends.up[n], ...around }));
    const labels = scene.labelsOf(plot).map(({ label, around }) => ({ ...flat((axis) => label[axis]), ...around }));
    return [...corners, ...labels];
  }

  /* The pixels that all items cover together at a scale, counted from the middle of the scene. */
  function covered(items, unit) {
    const [left, top] = [Math.min(...items.map((one) => one.right * unit + one.left)),
      Math.min(...items.map((one) => -one.up * unit + one.top))];
    const [right, bottom] = [Math.max(...items.map((one) => one.right * unit + one.left + one.width)),
      Math.max(...items.map((one) => -one.up * unit + one.top + one.height))];
    return { left, top, right, bottom };
  }

  /* The part of the scene's box that is free: without the strips that colour bars take. */
  function freeArea(plot) {
    const { width, height } = scene.sizeOf(plot);
    const area = { left: MARGIN_PX, top: MARGIN_PX, right: width - MARGIN_PX, bottom: height - MARGIN_PX };
    for (const bar of scene.barsOf(plot)) {
      if (bar.right - bar.left > bar.bottom - bar.top) {
        if (bar.top + bar.bottom > height) area.bottom = Math.min(area.bottom, bar.top - MARGIN_PX);
        else area.top = Math.max(area.top, bar.bottom + MARGIN_PX);
      } else if (bar.left + bar.right > width) area.right = Math.min(area.right, bar.left - MARGIN_PX);
      else area.left = Math.max(area.left, bar.right + MARGIN_PX);
    }
    return area;
  }

  Object.assign(scene, {
    sizeOf(plot) {
      const { clientWidth: width, clientHeight: height } = scene.ownOf(plot).container;
      return { width, height };
    },

    /* Plotly shows a height of two units. */
    pixelsPerUnit: (plot) => scene.sizeOf(plot).height / 2,

    /* What a view is fitted to: the geometry, and the size of the box. */
    shapeOf(plot) {
      const sizes = plot._fullData.map((trace) => (trace.type === "mesh3d" ? trace.x.length : ""));
      const { width, height } = scene.sizeOf(plot);
      return { geometry: JSON.stringify([sizes, plot.layout.meta.aspectratio]), size: `${width}x${height}` };
    },

    /* {scale, center} with which all is seen from these angles, as large as possible. */
    fitted(plot, angles) {
      const items = itemsOf(plot, angles), area = freeArea(plot), pixels = scene.pixelsPerUnit(plot);
      const isFree = (scale) => {
        const { left, top, right, bottom } = covered(items, scale * pixels);
        return right - left <= area.right - area.left && bottom - top <= area.bottom - area.top;
      };
      let [scale, tooLarge] = [LARGEST / 2 ** STEPS, LARGEST];
      for (let n = 0; n < STEPS; n++) {
        const middle = (scale + tooLarge) / 2;
        if (isFree(middle)) scale = middle;
        else tooLarge = middle;
      }
      const unit = scale * pixels;
      const { left, top, right, bottom } = covered(items, unit);
      const { width, height } = scene.sizeOf(plot);
      const across = (left + right + width - area.left - area.right) / 2 / unit;
      const down = (top + bottom + height - area.top - area.bottom) / 2 / unit;
      const axes = scene.axesOf(angles);
      return { scale, center: axes.right.map((value, n) => across * value - down * axes.up[n]) };
    },

    /* Whether all is inside the free area in this view. */
    fits(plot, view) {
      const { width, height } = scene.sizeOf(plot), area = freeArea(plot);
      const unit = view.scale * scene.pixelsPerUnit(plot), axes = scene.axesOf(view);
      const { left, top, right, bottom } = covered(itemsOf(plot, view), unit);
      const x = width / 2 - scene.dot(view.center, axes.right) * unit;
      const y = height / 2 + scene.dot(view.center, axes.up) * unit;
      return left + x >= area.left - OVER_PX && right + x <= area.right + OVER_PX
        && top + y >= area.top - OVER_PX && bottom + y <= area.bottom + OVER_PX;
    },
  });
})();
