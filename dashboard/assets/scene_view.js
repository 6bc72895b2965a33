/* The view of the 3D scene: it fits its box until somebody turns or zooms, and then stays as it was left. The camera is
   orthographic, so a view is two angles, the point in the middle and a scale. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const STEEPEST = 0.49 * Math.PI;
  const MOST_ZOOM = 30;  // in and out, from the fitted view
  const TIGHTER = 1.05;  // a view that could be larger by less than this share is left alone
  const UP = { x: 0, y: 0, z: 1 };
  let view = null;        // {theta, phi, center, scale}, with the centre in units of the unscaled scene
  let fittedScale = 1;
  let fittedTo = "";      // the shape that the view was last fitted to
  let isPersons = false;  // somebody has changed the view since then
  let turned = null;      // the angles to which somebody has turned
  let linked = null;      // the view of a link, {theta, phi, center, zoom}, until it is shown
  let isLinked = false;   // the view is that of a link

  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const listed = ({ x, y, z }) => [x, y, z];
  const named = ([x, y, z]) => ({ x, y, z });
  const moved = (point, by, along) => point.map((value, n) => value + by * along[n]);

  /* Unit vectors of a view: towards the viewer, to the right and up. */
  function axesOf({ theta, phi }) {
    const [sin, cos, rise, flat] = [Math.sin(theta), Math.cos(theta), Math.sin(phi), Math.cos(phi)];
    return { near: [flat * cos, flat * sin, rise], right: [-sin, cos, 0], up: [-rise * cos, -rise * sin, flat] };
  }

  /* The direction of the figure's opening view; the server sends it beside the scene's proportions. */
  function openingAngles({ meta }) {
    const { eye, center } = meta.camera;
    const [x, y, z] = [eye.x - (center?.x ?? 0), eye.y - (center?.y ?? 0), eye.z - (center?.z ?? 0)];
    return { theta: Math.atan2(y, x), phi: Math.atan2(z, Math.hypot(x, y)) };
  }

  /* The view in Plotly's words. */
  function plotlyView({ layout }) {
    const size = listed(layout.meta.aspectratio).map((value) => value * view.scale);
    const center = view.center.map((value) => value * view.scale);
    const eye = moved(center, 1 + 2 * Math.max(...size), axesOf(view).near);  // outside, so that nothing is cut off
    const camera = { up: UP, center: named(center), eye: named(eye), projection: { type: "orthographic" } };
    return { camera, aspectratio: named(size) };
  }

  function apply(plot) {
    const own = scene.ownOf(plot);
    scene.writeView(plot, plot._fullLayout.scene);
    const { camera, aspectratio } = plot._fullLayout.scene;
    own.camera.lookAt(listed(camera.eye), listed(camera.center), listed(camera.up));
    own.glplot.setAspectratio(aspectratio);
    own.glplot.update();  // draws in the next frame
  }

  function changeByHand(plot, change) {
    [isPersons, isLinked] = [true, false];
    Object.assign(view, change);
    apply(plot);
  }

  Object.assign(scene, {
    axesOf,
    dot,

    /* Write the view into a layout that is about to be drawn, and into the one that pictures are exported from. */
    writeView(plot, layout) {
      if (!view) return;
      Object.assign(layout, plotlyView(plot));
      Object.assign(plot.layout.scene, plotlyView(plot));
    },

    /* Fit the view if the scene's shape or size has changed or its labels do not fit any more, unless it is somebody's
       own; with a new geometry, only the angles of that stay. */
    fitIfChanged(plot) {
      if (!scene.sizeOf(plot).height) return;  // another dock has the whole page
      const { geometry, size } = scene.shapeOf(plot);
      const isNew = !fittedTo.startsWith(geometry);
      if (isPersons && !isNew && !linked) return;
      const angles = linked ?? turned ?? openingAngles(plot.layout);
      const best = scene.fitted(plot, angles);
      if (linked) {
        const { theta, phi, center, zoom } = linked;
        [fittedTo, fittedScale, linked] = [geometry + size, best.scale, null];
        [isPersons, isLinked, turned] = [true, true, { theta, phi }];
        view = { theta, phi, center, scale: best.scale * zoom };
        apply(plot);
        return;
      }
      const isSame = fittedTo === geometry + size;
      if (isSame && scene.fits(plot, view) && best.scale < TIGHTER * view.scale) return;
      fittedTo = geometry + size;
      fittedScale = best.scale;
      view = { ...angles, ...best };
      isPersons = false;
      apply(plot);
    },

    /* The part of an address that says which view of the scene somebody has chosen; nothing if it is fitted. */
    writeCamera() {
      const plot = scene.plot();
      if (!isPersons || !scene.ownOf(plot)) return {};
      const { theta, phi, center, scale } = view;
      const numbers = [theta, phi, ...center, scale / scene.fitted(plot, { theta, phi }).scale];
      return { camera: numbers.map((number) => number.toFixed(3)).join("_") };
    },

    /* Read it. A link without one leaves the view as it was put by hand, but not as another link has put it. */
    readCamera({ camera = "" }) {
      const [theta, phi, x, y, z, zoom] = camera.split("_").map(Number);
      const isValid = [theta, phi, x, y, z, zoom].every(Number.isFinite) && Math.abs(phi) <= STEEPEST + 0.001
        && zoom >= 1 / MOST_ZOOM && zoom <= MOST_ZOOM;
      linked = isValid ? { theta, phi, center: [x, y, z], zoom } : null;
      if (linked && scene.ownOf(scene.plot()) && view) scene.fitIfChanged(scene.plot());
      else if (!linked && isLinked) explorer.resetView();
    },

    resetView(plot) {
      turned = null;
      [isPersons, isLinked] = [false, false];
      fittedTo = "";
      scene.fitIfChanged(plot);
    },

    /* Turn as if the scene were a ball under the pointer, which has moved by so many pixels. */
    turn(plot, dx, dy) {
      const angle = Math.PI / plot.clientHeight;
      const phi = Math.max(-STEEPEST, Math.min(STEEPEST, view.phi + angle * dy));
      turned = { theta: view.theta - angle * dx, phi };
      changeByHand(plot, turned);
    },

    /* Move with the pointer. */
    pan(plot, dx, dy) {
      const unit = scene.pixelsPerUnit(plot) * view.scale;
      const { right, up } = axesOf(view);
      changeByHand(plot, { center: moved(moved(view.center, -dx / unit, right), dy / unit, up) });
    },

    /* Zoom about a point of the scene's box, which stays where it is. */
    zoom(plot, factor, x, y) {
      const scale = Math.max(fittedScale / MOST_ZOOM, Math.min(fittedScale * MOST_ZOOM, view.scale * factor));
      const { width, height } = scene.sizeOf(plot);
      const away = (1 / view.scale - 1 / scale) / scene.pixelsPerUnit(plot);
      const { right, up } = axesOf(view);
      const center = moved(moved(view.center, away * (x - width / 2), right), away * (height / 2 - y), up);
      changeByHand(plot, { scale, center });
    },
  });
})();
