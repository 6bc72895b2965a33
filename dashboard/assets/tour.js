/* The tour: a card beside what it explains, which the page below stays usable with. It is offered once, in the lead line,
   and started from there or from the menu "?". */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const KEY = "llm-architecture-explorer.tour";
  const GAP_PX = 10;
  const byId = (id) => document.getElementById(id);
  const ring = document.createElement("div");
  ring.className = "tour-ring";
  let at = null;    // the number of the step that is shown
  let from = null;  // what had the focus before

  const steps = () => [...byId("tour-steps").children];
  const target = () => [...document.querySelectorAll(steps()[at].dataset.targets)].find((one) => one.checkVisibility());

  /* Below, right of, left of or above the rectangle, where the card is whole in the window; else at its lower edge. */
  function spot({ left, right, top, bottom }, { offsetWidth: width, offsetHeight: height }) {
    const across = Math.max(GAP_PX, Math.min(left, innerWidth - width - GAP_PX));
    const down = Math.max(GAP_PX, Math.min(top, innerHeight - height - GAP_PX));
    const spots = [[across, bottom + GAP_PX], [right + GAP_PX, down], [left - GAP_PX - width, down],
      [across, top - GAP_PX - height]];
    return spots.find(([x, y]) => x >= 0 && y >= 0 && x + width <= innerWidth && y + height <= innerHeight)
      ?? [GAP_PX, innerHeight - height - GAP_PX];
  }

  function place() {
    if (at === null) return;
    const box = target().getBoundingClientRect();
    const [x, y] = spot(box, byId("tour"));
    Object.assign(byId("tour").style, { left: `${x}px`, top: `${y}px` });
    const { left, top, width, height } = box;
    Object.assign(ring.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  function show(number) {
    at = number;
    const [title, words] = steps()[at].children;
    byId("tour-title").textContent = title.textContent;
    byId("tour-words").textContent = words.textContent;
    byId("tour-count").textContent = `${at + 1} of ${steps().length}`;
    const button = (name) => byId("tour").querySelector(`[data-tour=${name}]`);
    button("back").hidden = at === 0;
    button("skip").hidden = at === steps().length - 1;
    button("next").textContent = at === steps().length - 1 ? "Done" : "Next";
    byId("tour").hidden = false;
    document.body.append(ring);
    target().scrollIntoView({ block: "nearest", behavior: "instant" });
    place();
    byId("tour").focus({ preventScroll: true });  // a screen reader reads the step
  }

  function remember() {
    byId("tour-offer").hidden = true;
    try {
      localStorage.setItem(KEY, "seen");
    } catch { /* storage is forbidden: then it is not offered again either */ }
  }

  function end() {
    remember();
    if (at === null) return;
    at = null;
    byId("tour").hidden = true;
    ring.remove();
    const shown = from?.isConnected && from.checkVisibility() ? from : document.querySelector("#help-menu > summary");
    shown.focus({ preventScroll: true });
  }

  const commands = {
    start() { from = document.activeElement; remember(); show(0); },
    back() { show(at - 1); },
    next() { if (at + 1 < steps().length) show(at + 1); else end(); },
    skip: end,
  };

  document.addEventListener("click", (event) => {
    const command = event.target.closest("[data-tour]")?.dataset.tour;
    if (command) commands[command]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || at === null || event.defaultPrevented) return;
    event.preventDefault();
    end();
  }, true);
  addEventListener("resize", place);
  addEventListener("scroll", place, { capture: true, passive: true });

  /* To those who have not been here; not where the browser cannot remember it. */
  new MutationObserver((_, observer) => {
    if (!byId("tour-offer")) return;
    observer.disconnect();
    try {
      byId("tour-offer").hidden = localStorage.getItem(KEY) !== null;
    } catch { /* storage is forbidden */ }
  }).observe(document, { childList: true, subtree: true });
})();
