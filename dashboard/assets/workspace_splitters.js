/* The borders between docks: dragged by pointer, moved by arrow keys; a double click moves one back. */
(function () {
  "use strict";
  const explorer = window.dash_clientside.explorer;
  const { arrangement } = explorer;
  const STEP = 2;  // per cent, of an arrow key
  let dragged = null;

  /* Where the pointer is, in the splitter's own per cent. */
  function valueAt({ clientX, clientY }, name) {
    const area = document.getElementById("panels").getBoundingClientRect();
    const [x, y] = [100 * (clientX - area.left) / area.width, 100 * (clientY - area.top) / area.height];
    if (name === "rows") return y;
    return name === "upper" ? 100 * y / arrangement.splitters().find((one) => one.name === "rows").value : x;
  }

  function move(name, value) {
    arrangement.resize(name, value);
    explorer.drawWorkspace();
  }

  document.addEventListener("pointerdown", (event) => {
    const bar = event.target.closest(".splitter");
    if (!bar || event.button) return;
    dragged = bar.dataset.splitter;
    bar.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => { if (dragged) move(dragged, valueAt(event, dragged)); });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => {
      if (dragged) explorer.updateWorkspace();
      dragged = null;
    });
  }

  document.addEventListener("dblclick", (event) => {
    const name = event.target.closest(".splitter")?.dataset.splitter;
    if (!name) return;
    move(name, arrangement.first(name));
    explorer.updateWorkspace();
  });

  document.addEventListener("keydown", (event) => {
    const name = event.target.closest?.(".splitter")?.dataset.splitter;
    if (!name) return;
    const { value, least, most } = arrangement.splitters().find((one) => one.name === name);
    const isVertical = event.target.getAttribute("aria-orientation") === "vertical";
    const [back, on] = isVertical ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const to = { [back]: value - STEP, [on]: value + STEP, Home: least, End: most }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(name, to);
    explorer.updateWorkspace();
  });
})();
