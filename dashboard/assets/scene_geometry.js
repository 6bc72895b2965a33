/* Geometry of the 3D scene on the screen: projection, and the box that is drawn at a point. Pure functions, which read
   no pixels: they hold at any frame rate, and where a browser falsifies what is read from a canvas. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const CORNERS = 8;  // of a box; boxes share no vertices
  const RING_PX = 2;  // between the rings of points on which a box is looked for around a point
  const AROUND = [...Array(8).keys()].map((n) => [Math.cos(n * Math.PI / 4), Math.sin(n * Math.PI / 4)]);

  /* The product of two matrices, stored column by column as in WebGL. */
  function product(a, b) {
    return Array.from({ length: 16 }, (_, n) => {
      const [row, column] = [n & 3, n & 12];
      return a[row] * b[column] + a[row + 4] * b[column + 1] + a[row + 8] * b[column + 2] + a[row + 12] * b[column + 3];
    });
  }

  /* The depth of a triangle at a point of the screen; NaN if the point is outside. */
  function depthAt({ x, y, z }, a, b, c, px, py) {
    const [bx, by, cx, cy, dx, dy] = [x[b] - x[a], y[b] - y[a], x[c] - x[a], y[c] - y[a], px - x[a], py - y[a]];
    const area = bx * cy - cx * by;
    const [u, v] = [(dx * cy - cx * dy) / area, (bx * dy - dx * by) / area];
    return u >= 0 && v >= 0 && u + v <= 1 ? z[a] + u * (z[b] - z[a]) + v * (z[c] - z[a]) : NaN;
  }

  /* The box nearest to the viewer of all that are drawn at a point. */
  function boxAt(meshes, px, py) {
    let [found, nearest] = [null, Infinity];
    for (const { trace, corners, bounds, nBoxes } of meshes) {
      const isNear = new Uint8Array(nBoxes);
      for (let box = 0; box < nBoxes; box++) {
        const at = 4 * box;
        isNear[box] = px >= bounds[at] && py >= bounds[at + 1] && px <= bounds[at + 2] && py <= bounds[at + 3];
      }
      const { i, j, k } = trace;
      for (let n = 0; n < i.length; n++) {
        const box = Math.floor(i[n] / CORNERS);
        const depth = isNear[box] ? depthAt(corners, i[n], j[n], k[n], px, py) : NaN;
        if (depth < nearest) [found, nearest] = [{ trace, box }, depth];
      }
    }
    return found;
  }

  Object.assign(scene, {
    /* What Plotly has just drawn: the matrix from data to clip coordinates, and the canvas's size in CSS pixels. */
    frameOf({ glplot, dataScale, container }) {
      const { model, view, projection } = glplot.cameraParams;
      const matrix = product(projection, product(view, model)).map((v, n) => (n < 12 ? v * dataScale[n >> 2] : v));
      return { matrix, width: container.clientWidth, height: container.clientHeight };
    },

    /* A point of the data on the screen: x and y in pixels, and its depth, smaller when nearer to the viewer. */
    project({ matrix: m, width, height }, x, y, z) {
      const row = (r) => m[r] * x + m[r + 4] * y + m[r + 8] * z + m[r + 12];
      const w = row(3);
      return [(1 + row(0) / w) / 2 * width, (1 - row(1) / w) / 2 * height, row(2) / w];
    },

    /* The boxes of a mesh on the screen: all corners, and each box's bounds (left, top, right, bottom). */
    projectMesh(trace, frame) {
      const count = trace.x.length, nBoxes = Math.floor(count / CORNERS), { matrix: m, width, height } = frame;
      const [x, y, z] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
      const bounds = new Float64Array(4 * nBoxes).map((_, n) => (n % 4 < 2 ? Infinity : -Infinity));
      for (let n = 0; n < count; n++) {  // as `project`, without an array for each corner
        const dx = trace.x[n], dy = trace.y[n], dz = trace.z[n];
        const w = m[3] * dx + m[7] * dy + m[11] * dz + m[15];
        x[n] = (1 + (m[0] * dx + m[4] * dy + m[8] * dz + m[12]) / w) / 2 * width;
        y[n] = (1 - (m[1] * dx + m[5] * dy + m[9] * dz + m[13]) / w) / 2 * height;
        z[n] = (m[2] * dx + m[6] * dy + m[10] * dz + m[14]) / w;
        const at = 4 * Math.floor(n / CORNERS);
        if (x[n] < bounds[at]) bounds[at] = x[n];
        if (y[n] < bounds[at + 1]) bounds[at + 1] = y[n];
        if (x[n] > bounds[at + 2]) bounds[at + 2] = x[n];
        if (y[n] > bounds[at + 3]) bounds[at + 3] = y[n];
      }
      return { trace, corners: { x, y, z }, bounds, nBoxes };
    },

    /* {trace, box} at a point of the screen, or else around it within so many pixels; null if there is none. */
    pick(meshes, x, y, reach) {
      let found = boxAt(meshes, x, y);
      for (let radius = RING_PX; !found && radius <= reach; radius += RING_PX) {
        for (const [dx, dy] of AROUND) found = found || boxAt(meshes, x + radius * dx, y + radius * dy);
      }
      return found;
    },

    /* The convex hull of points. */
    hullOf(points) {
      const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      const isRight = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0;
      const half = (all) => all.reduce((hull, point) => {
        while (hull.length > 1 && isRight(hull.at(-2), hull.at(-1), point)) hull.pop();
        return [...hull, point];
      }, []).slice(0, -1);
      return [...half(sorted), ...half(sorted.reverse())];
    },

    /* The outline of a box on the screen, as points. */
    outlineOf({ trace, box }, frame) {
      const corners = [...Array(CORNERS).keys()].map((n) => CORNERS * box + n);
      return scene.hullOf(corners.map((n) => scene.project(frame, trace.x[n], trace.y[n], trace.z[n])));
    },
  });
})();
