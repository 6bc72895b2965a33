/* The workspace on the screen: its docks' places, their tabs, and which panels are visible. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const arrangement = explorer.arrangement;
  const BESIDE_CONTROLS = 74;  // pixels: a dock's own buttons
  const NARROWER = 80;  // pixels by which a panel's controls may be narrower than their words
  let visible = [];

  const workspace = () => document.getElementById("panels");
  const panelOf = (name) => document.getElementById(`${name}-panel`);

  function place(element, [left, top, width, height]) {
    const values = { left, top, width, height };
    for (const [name, value] of Object.entries(values)) element.style.setProperty(`--${name}`, `${value}%`);
  }

  /* A dock's tabs, as the WAI-ARIA pattern has them: one tab stop, arrow keys inside. */
  function drawTabs(dock, { names, shown }) {
    const list = document.getElementById(`dock-${dock}`);
    if (list.dataset.names !== String(names)) {
      list.dataset.names = names;
      list.replaceChildren(...names.map((name) => {
        const tab = document.createElement("button");
        Object.assign(tab, { type: "button", role: "tab", id: `tab-${name}`, className: "dock-tab" });
        const { tab: words, term } = panelOf(name).dataset;
        tab.textContent = words;
        if (term) tab.setAttribute("aria-describedby", term);
        tab.setAttribute("aria-controls", `${name}-panel`);
        tab.dataset.shows = name;
        return tab;
      }));
    }
    for (const tab of list.children) {
      const isShown = tab.dataset.shows === shown;
      tab.setAttribute("aria-selected", isShown);
      tab.tabIndex = isShown ? 0 : -1;
    }
  }

  /* Mark the tabs of panels that would change if they were shown. */
  function markTabs() {
    const { selection } = workspace().dataset;
    for (const tab of document.querySelectorAll(".dock-tab")) {
      const drawn = panelOf(tab.dataset.shows).dataset.selection;
      const isOld = !visible.includes(tab.dataset.shows) && drawn !== "" && drawn !== selection;
      tab.classList.toggle("changed", isOld);
      tab.dataset.note = isOld ? "It changes with the selection when you open it." : "";
    }
  }

  /* The width that a dock's tabs need; the rest of the line is for the panel's controls. */
  const tabsWidth = (dock) =>
    [...document.getElementById(`dock-${dock}`).children].reduce((sum, tab) => sum + tab.offsetWidth + 2, 0);

  /* A panel's controls stand beside the tabs of its dock; where even narrowed they do not fit, on a line of their own. */
  function makeRoomForControls(panel, dock) {
    const controls = panel.querySelector(":scope > .panel-tools");
    panel.removeAttribute("data-crowded");
    controls.style.maxWidth = "none";
    const needed = controls.offsetWidth;
    controls.style.maxWidth = "";
    panel.toggleAttribute("data-crowded", needed > panel.offsetWidth - tabsWidth(dock) - BESIDE_CONTROLS + NARROWER);
  }

  function drawSplitters(all) {
    const isFree = arrangement.isWide() && !arrangement.large() && !arrangement.presented();
    for (const { name, value, least, most } of arrangement.splitters()) {
      const bar = document.querySelector(`[data-splitter=${name}]`);
      bar.hidden = !isFree || (name === "upper" && !("lower" in all));
      bar.setAttribute("aria-valuenow", Math.round(value));
      bar.setAttribute("aria-valuemin", least);
      bar.setAttribute("aria-valuemax", most);
      const { scene, left, right, lower } = Object.fromEntries(
        Object.keys(all).map((dock) => [dock, arrangement.rectangle(dock, all)]));
      place(bar, { scene: [scene[2], 0, 0, scene[3]], rows: [0, scene[3], 100, 0],
        upper: lower ? [lower[0], lower[1], lower[2], 0] : scene, left: [left[2], left[1], 0, left[3]],
        right: [right[0], right[1], 0, right[3]] }[name]);
    }
  }

  /* Draw the arrangement. Returns the names of the visible panels. */
  function draw() {
    const all = arrangement.docks();
    const shown = arrangement.visibleDocks(all);
    workspace().dataset.large = arrangement.large() ?? "";
    for (const head of document.querySelectorAll(".dock-head")) {
      const { dock } = head.dataset;
      head.hidden = !shown.includes(dock);
      if (head.hidden) continue;
      drawTabs(dock, all[dock]);
      if (arrangement.isWide() || arrangement.presented()) place(head, arrangement.rectangle(dock, all));
      for (const name of all[dock].names) panelOf(name).style.setProperty("--tabs", `${tabsWidth(dock)}px`);
      const isLarge = arrangement.large() === dock;
      head.querySelector(".enlarge").setAttribute("aria-pressed", isLarge);
    }
    for (const panel of document.querySelectorAll(".workspace > .panel")) {
      panel.hidden = !shown.some((dock) => panelOf(all[dock].shown) === panel);
    }
    for (const [dock, { names }] of Object.entries(all)) {
      for (const name of names) {
        const panel = panelOf(name);
        if (arrangement.isWide() || arrangement.presented()) place(panel, arrangement.rectangle(dock, all));
        if (arrangement.isWide() && !panel.hidden) makeRoomForControls(panel, dock);
      }
    }
    if (arrangement.isWide()) drawSplitters(all);
    document.querySelector("[data-reset=layout]").disabled = !(arrangement.isWide() && arrangement.isChanged());
    visible = [...document.querySelectorAll(".panel:not([hidden])")].map((panel) => panel.id.replace(/-panel$/, ""));
    markTabs();
    return visible;
  }

  function update() {
    const before = String(visible);
    draw();
    if (String(visible) !== before) dash.set_props("visible", { data: visible });
    explorer.rewriteAddress();
  }

  Object.assign(explorer, {
    updateWorkspace: update,
    drawWorkspace: draw,

    /* Arrange the workspace as the address says. One without a selection, such as an example's, changes nothing. */
    arrange({ hash }) {
      const linked = explorer.readFragment(hash);
      if (linked.select !== undefined || !explorer.shown()) arrangement.read(linked);
      return [...draw()];
    },

    showPanel(name) {
      arrangement.show(name);
      update();
    },
  });

  function enlarge(dock) {
    if (!arrangement.isWide()) return;
    arrangement.enlarge(arrangement.large() === dock ? null : dock);
    update();
  }

  function present(dock) {
    if (document.fullscreenElement) { document.exitFullscreen(); return; }
    document.querySelector("main").requestFullscreen().then(() => { arrangement.present(dock); update(); });
  }

  document.addEventListener("fullscreenchange", () => {
    if (document.fullscreenElement || !arrangement.presented()) return;
    arrangement.present(null);
    update();
  });

  document.addEventListener("click", (event) => {
    const { shows, enlarge: larger, present: full, reset } = event.target.closest("button")?.dataset ?? {};
    if (shows) explorer.showPanel(shows);
    if (larger) enlarge(larger);
    if (full) present(full);
    if (reset === "layout") { arrangement.reset(); update(); }
  });

  document.addEventListener("dblclick", (event) => {
    const head = event.target.closest(".dock-head");
    if (head && !event.target.closest("button:not(.dock-tab)")) enlarge(head.dataset.dock);
  });

  document.addEventListener("keydown", (event) => {
    // A pop-up is closed first.
    if (event.key === "Escape" && !event.defaultPrevented && arrangement.large()) enlarge(arrangement.large());
    const tab = event.target.closest?.(".dock-tab");
    const tabs = [...(tab?.parentElement.children ?? [])];
    if (!tab) return;
    const at = tabs.indexOf(tab);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    explorer.showPanel(next.dataset.shows);
    next.focus();
  });

  /* On a small screen, the scene goes to the top when something in it is selected: what changes is below it. */
  let wasInScene = false;
  document.addEventListener("pointerdown", (event) => {
    wasInScene = Boolean(event.target.closest(".panel[data-dock=scene]"));
  }, true);
  function showBelowScene() {
    if (!arrangement.isWide() && wasInScene) scrollTo({ top: workspace().getBoundingClientRect().top + scrollY });
  }

  arrangement.onScreenChange(() => { if (workspace()) update(); });
  addEventListener("DOMContentLoaded", () => {
    // As soon as Dash has made the panels, before they are painted: nothing must jump.
    const made = new MutationObserver(() => {
      if (!workspace()) return;
      made.disconnect();
      arrangement.read(explorer.readFragment());
      draw();
    });
    made.observe(document.body, { childList: true, subtree: true });
    new MutationObserver((changes) => {
      if (!workspace()) return;
      markTabs();
      if (changes.some(({ target }) => target === workspace())) showBelowScene();
    }).observe(document.body, { subtree: true, attributeFilter: ["data-selection"] });
  });
})();
