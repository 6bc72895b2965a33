/* Gestures on the 3D scene. A press that does not move is a click; a drag turns the scene, and with Shift, Ctrl or the
   right button moves it; two fingers turn and zoom. Until the scene is clicked, one finger and the wheel scroll. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const SLOP_PX = { mouse: 4, pen: 8, touch: 10 };   // a click may move by these
  const REACH_PX = { mouse: 4, pen: 8, touch: 14 };  // and miss a box by these
  const LINE_PX = 16;
  const ZOOM_PER_PX = 0.002, MOST_PX = 120;
  const pointers = new Map();  // those that are down, by id: {x, y}
  let press = null;            // a press that is not a drag yet: {x, y, found}
  let hovered = null;          // the last mouse event that is not worked off yet

  const isEngaged = (plot) => plot.classList.contains("engaged");
  const middle = () => {
    const all = [...pointers.values()], mean = (axis) => all.reduce((sum, one) => sum + one[axis], 0) / all.length;
    return { x: mean("x"), y: mean("y"), spread: Math.hypot(all[0].x - all.at(-1).x, all[0].y - all.at(-1).y) };
  };

  function inBox(plot, x, y) {
    const { left, top } = scene.ownOf(plot).container.getBoundingClientRect();
    return [x - left, y - top];
  }

  function down(plot, event) {
    if (!scene.ownOf(plot)) return;
    const { pointerId, pointerType, clientX: x, clientY: y, button } = event;
    pointers.set(pointerId, { x, y });
    plot.setPointerCapture(pointerId);
    press = null;
    if (pointers.size === 1 && button === 0) {
      press = { x, y, found: scene.boxAt(plot, event, REACH_PX[pointerType]) };
      scene.mark(plot, press.found, { pressed: true, finger: pointerType === "touch" ? { x, y } : undefined });
    } else scene.mark(plot, null);
  }

  function drag(plot, event, before) {
    const after = middle();
    const [dx, dy] = [after.x - before.x, after.y - before.y];
    if (pointers.size > 1) {
      scene.turn(plot, dx, dy);
      const factor = after.spread / before.spread;
      if (factor > 0 && factor < Infinity) scene.zoom(plot, factor, ...inBox(plot, after.x, after.y));
    } else if (event.pointerType === "touch" && !isEngaged(plot)) return;
    else if (event.buttons & 2 || event.shiftKey || event.ctrlKey || event.metaKey) scene.pan(plot, dx, dy);
    else scene.turn(plot, dx, dy);
  }

  function move(plot, event) {
    const { pointerId, pointerType, clientX: x, clientY: y } = event;
    if (!pointers.has(pointerId)) {
      if (pointerType === "mouse") hover(plot, event);
      return;
    }
    if (press && Math.hypot(x - press.x, y - press.y) <= SLOP_PX[pointerType]) return;
    if (press) {
      press = null;
      scene.mark(plot, null);
    }
    const before = middle();
    pointers.set(pointerId, { x, y });
    drag(plot, event, before);
  }

  /* At most once a frame: the mouse moves more often than the scene is drawn. */
  function hover(plot, event) {
    if (!hovered) {
      requestAnimationFrame(() => {
        const last = hovered;
        hovered = null;
        if (last && !pointers.size) scene.mark(plot, scene.boxAt(plot, last, REACH_PX.mouse));
      });
    }
    hovered = event;
  }

  function up(plot, { pointerId, pointerType }) {
    if (!pointers.delete(pointerId)) return;
    const select = press?.found && scene.selectionOf(press.found);
    const isClick = Boolean(press);
    if (isClick || pointerType === "mouse") plot.classList.add("engaged");
    scene.mark(plot, pointerType === "mouse" ? press?.found ?? null : null);
    press = null;
    if (select) explorer.request({ select });
  }

  function cancel(plot, { pointerId }) {
    pointers.delete(pointerId);
    press = null;
    scene.mark(plot, null);
  }

  function wheel(plot, event) {
    if (!scene.ownOf(plot) || !(event.ctrlKey || event.metaKey || isEngaged(plot))) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? LINE_PX : 1);
    const factor = Math.exp(-ZOOM_PER_PX * Math.max(-MOST_PX, Math.min(MOST_PX, pixels)));
    scene.zoom(plot, factor, ...inBox(plot, event.clientX, event.clientY));
  }

  scene.listen = (plot) => {
    plot.addEventListener("pointerdown", (event) => down(plot, event));
    plot.addEventListener("pointermove", (event) => move(plot, event));
    plot.addEventListener("pointerup", (event) => up(plot, event));
    plot.addEventListener("pointercancel", (event) => cancel(plot, event));
    plot.addEventListener("pointerleave", () => { hovered = null; if (!pointers.size) scene.mark(plot, null); });
    plot.addEventListener("contextmenu", (event) => event.preventDefault());
    plot.addEventListener("wheel", (event) => wheel(plot, event), { passive: false });
    plot.addEventListener("touchmove", (event) => {
      if (event.touches.length > 1 || isEngaged(plot)) event.preventDefault();
    }, { passive: false });
    document.addEventListener("pointerdown", (event) => {
      if (!plot.contains(event.target)) plot.classList.remove("engaged");
    }, true);
  };
})();
