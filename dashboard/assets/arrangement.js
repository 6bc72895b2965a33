/* The arrangement of the workspace: which panel each dock shows, where the docks are, and its form in the address. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  // Below the first, the page scrolls and all panels but the scene's share one dock; below the second, the two docks
  // next to the scene are one.
  const WIDE = matchMedia("(min-width: 1200px) and (min-height: 640px)");
  const TALL = matchMedia("(min-height: 800px)");
  // The splitters: where they are at first, and the least and largest value; per cent of the whole width or height, but
  // `upper` of the upper row.
  const SPLITTERS = {
    scene: [54, 25, 75], rows: [63, 30, 75], upper: [50, 25, 75], left: [33, 15, 60], right: [67, 40, 85] };
  const LEAST = 15;  // width of the middle dock, in per cent
  const NAMES = Object.keys(SPLITTERS);
  const LOW_ROWS = 54;  // height of the upper row on a low screen, where it is one dock high
  const first = (name) => (name === "rows" && !TALL.matches ? LOW_ROWS : SPLITTERS[name][0]);
  const initial = () => Object.fromEntries(NAMES.map((name) => [name, first(name)]));
  const isAsAtFirst = () => JSON.stringify(sizes) === JSON.stringify(initial());
  let sizes = initial();
  let tabs = {};         // by dock: the panel that was chosen last
  let large = null;      // the dock that fills the workspace
  let presented = null;  // the dock that is shown in full screen, beside the scene

  /* Without WebGL, the 3D scene is left out. */
  const panels = () => [...document.querySelectorAll(".workspace > .panel")]
    .filter(({ id }) => id !== "architecture-panel" || explorer.hasWebgl());
  const nameOf = (panel) => panel.id.replace(/-panel$/, "");

  /* The dock in which a panel is on this screen. */
  function dockOf(panel) {
    const { dock } = panel.dataset;
    if (!WIDE.matches) return dock === "scene" ? "scene" : "upper";
    return dock === "lower" && !TALL.matches ? "upper" : dock;
  }

  /* By dock: its panels' names, and which of them is shown. */
  function docks() {
    const found = {};
    for (const panel of panels()) (found[dockOf(panel)] ??= { names: [] }).names.push(nameOf(panel));
    for (const [dock, entry] of Object.entries(found)) {
      entry.shown = entry.names.includes(tabs[dock]) ? tabs[dock] : entry.names[0];
    }
    return found;
  }

  /* The docks that are visible. */
  function visibleDocks(all) {
    if (presented in all) return [...new Set(["scene", presented])];
    return WIDE.matches && large in all ? [large] : Object.keys(all);
  }

  /* A dock's rectangle: left, top, width and height in per cent of the workspace. */
  function rectangle(dock, all) {
    const { scene, rows, upper, left, right } = sizes;
    if (presented) {
      if (presented === "scene") return [0, 0, 100, 100];
      return dock === "scene" ? [0, 0, 50, 100] : [50, 0, 50, 100];
    }
    if (dock === large) return [0, 0, 100, 100];
    const split = "lower" in all ? rows * upper / 100 : rows;
    return {
      scene: [0, 0, scene, rows],
      upper: [scene, 0, 100 - scene, split], lower: [scene, split, 100 - scene, rows - split],
      left: [0, rows, left, 100 - rows], middle: [left, rows, right - left, 100 - rows],
      right: [right, rows, 100 - right, 100 - rows],
    }[dock];
  }

  function resize(name, value) {
    const [, least, most] = SPLITTERS[name];
    let size = Math.round(10 * Math.max(least, Math.min(most, value))) / 10;
    if (name === "left") size = Math.min(size, sizes.right - LEAST);
    if (name === "right") size = Math.max(size, sizes.left + LEAST);
    sizes[name] = size;
  }

  Object.assign(explorer, { arrangement: {
    isWide: () => WIDE.matches,
    isChanged() { return Object.keys(this.write()).length > 0; },
    onScreenChange(run) {
      TALL.addEventListener("change", () => { sizes.rows = first("rows"); });
      for (const query of [WIDE, TALL]) query.addEventListener("change", run);
    },
    docks, visibleDocks, rectangle, resize,
    splitters: () => NAMES.map(
      (name) => ({ name, value: sizes[name], least: SPLITTERS[name][1], most: SPLITTERS[name][2] })),
    first,
    large: () => large,
    presented: () => presented,
    enlarge(dock) { large = dock; },
    present(dock) { presented = dock; },

    /* Show a panel: in the dock where it is on this screen, and in its own. */
    show(name) {
      const panel = document.getElementById(`${name}-panel`);
      tabs[dockOf(panel)] = tabs[panel.dataset.dock] = name;
      if (large && WIDE.matches) large = dockOf(panel);
    },

    reset() { sizes = initial(); tabs = {}; large = null; },

    /* The arrangement's part of the address: nothing if it is as at first. */
    write() {
      const fragment = {};
      if (!isAsAtFirst()) fragment.sizes = NAMES.map((name) => sizes[name]).join("_");
      const chosen = Object.values(docks()).filter(({ names, shown }) => shown !== names[0]).map(({ shown }) => shown);
      if (chosen.length) fragment.tabs = chosen.join("_and_");
      if (large) fragment.large = large;
      return fragment;
    },

    /* Read it; what is not valid is ignored. */
    read({ sizes: written = "", tabs: chosen = "", large: dock = null }) {
      this.reset();
      const values = written.split("_").map(Number);
      const isValid = values.length === NAMES.length && values.every(Number.isFinite);
      if (isValid) NAMES.forEach((name, n) => resize(name, values[n]));
      const known = panels();
      for (const name of chosen.split("_and_")) {
        const panel = known.find((one) => nameOf(one) === name);
        if (panel) tabs[panel.dataset.dock] = tabs[dockOf(panel)] = name;
      }
      large = known.some((panel) => panel.dataset.dock === dock) ? dock : null;
    },
  } });
})();
