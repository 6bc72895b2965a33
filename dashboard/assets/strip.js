/* The token strip: chips in one row that scrolls sideways, with the focus and the selected chip in view. The chips are one
   tab stop, in which arrow keys move; a button opens all of them in several rows, and ↑ and ↓ then move between these. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const MARGIN = 48;   // pixels that a chip keeps from the ends of the row, which are faded
  const OPEN = "strip-open";
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  const ROWS = { ArrowUp: -1, ArrowDown: 1 };
  let focused = null;  // the selection text of the chip that has the focus
  let drawn = null;    // what was drawn last, and where its mark was
  let observer = null;

  const byId = (id) => document.getElementById(id);
  const chipOf = (element) => element.closest("#strip-chips [data-select]");
  const chipAt = (select) => byId("strip-chips").querySelector(`[data-select="${select}"]`);
  /* The chip that had the focus until its element was replaced. */
  const lostFocus = () => (focused && document.activeElement === document.body ? chipAt(focused) : null);
  const isOpen = () => byId("strip-panel").classList.contains(OPEN);

  /* Scroll the row, and only the row, until the chip is in view. */
  function reveal(chip) {
    const row = byId("strip-chips");
    const [view, box] = [row.getBoundingClientRect(), chip.getBoundingClientRect()];
    row.scrollLeft += Math.min(0, box.left - view.left - MARGIN) + Math.max(0, box.right - view.right + MARGIN);
    row.scrollTop += Math.min(0, box.top - view.top - 4) + Math.max(0, box.bottom - view.bottom + 4);
  }

  /* Mark the selected position's chip as layouts/strip.py does, whatever the server has marked. */
  explorer.markChip = () => {
    const chosen = chipAt(`@${explorer.selection()?.position}`);
    if (!chosen) return;  // the chips are an earlier text's, for a moment
    for (const chip of new Set([...byId("strip-chips").querySelectorAll("[aria-pressed=true]"), chosen])) {
      chip.classList.toggle("chip-selected", chip === chosen);
      chip.setAttribute("aria-pressed", chip === chosen);
      chip.tabIndex = chip === chosen ? 0 : -1;
    }
    explorer.markCounterparts();
  };

  /* Fade the ends beyond which there are more chips, and offer to show all. */
  function markEnds() {
    const row = byId("strip-chips");
    const beyond = row.scrollWidth - row.clientWidth;
    const around = row.parentElement.classList;
    around.toggle("more-before", row.scrollLeft > 1);
    around.toggle("more-after", row.scrollLeft < beyond - 1);
    byId("strip-all").hidden = beyond <= 1 && !isOpen();
    explorer.drawArcs();
  }

  function open(shows) {
    if (!byId("strip-panel") || shows === isOpen()) return;
    byId("strip-panel").classList.toggle(OPEN, shows);
    const button = byId("strip-all");
    button.textContent = shows ? "Show one row" : "Show all";
    button.setAttribute("aria-expanded", String(shows));
    const selected = byId("strip-chips").querySelector("[aria-pressed=true]");
    if (selected) reveal(selected);
    markEnds();
  }

  /* The chip that a key leads to: along the text, or to the nearest one in the row above or below. */
  function neighbour(chip, key) {
    const chips = [...byId("strip-chips").children];
    if (key in STEPS) return chips[Math.max(0, Math.min(chips.length - 1, chips.indexOf(chip) + STEPS[key]))];
    const tops = [...new Set(chips.map((one) => one.offsetTop))];
    const row = chips.filter((one) => one.offsetTop === tops[tops.indexOf(chip.offsetTop) + ROWS[key]]);
    const away = (one) => Math.abs(one.offsetLeft + one.offsetWidth / 2 - chip.offsetLeft - chip.offsetWidth / 2);
    return row.reduce((best, one) => (away(one) < away(best) ? one : best), row[0] ?? chip);
  }

  document.addEventListener("focusin", (event) => { focused = chipOf(event.target)?.dataset.select ?? null; });
  document.addEventListener("pointerdown", (event) => {
    if (!chipOf(event.target)) focused = null;
    if (!event.target.closest("#strip-panel")) open(false);
  });
  document.addEventListener("click", (event) => { if (event.target.closest("#strip-all")) open(!isOpen()); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen()) {
      event.preventDefault();  // what else Escape closes stays open
      open(false);
    }
    const chip = chipOf(event.target) ?? lostFocus();
    const moves = event.key in STEPS || (isOpen() && event.key in ROWS);
    if (!chip || !moves || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = neighbour(chip, event.key);
    next.focus({ preventScroll: true });
    reveal(next);
    explorer.request({ select: next.dataset.select, replace: event.repeat });
  });

  /* The chips may be new elements, so the focus is restored. The row is scrolled only when the mark has moved. */
  explorer.stripDrawn = () => requestAnimationFrame(() => {
    const row = byId("strip-chips");
    if (!observer) {
      observer = new ResizeObserver(markEnds);
      observer.observe(row);
      row.addEventListener("scroll", markEnds, { passive: true });
    }
    explorer.markChip();
    lostFocus()?.focus({ preventScroll: true });
    const now = `${row.dataset.shown} ${row.children.length}`;
    const selected = row.querySelector("[aria-pressed=true]");
    if (selected && now !== drawn) reveal(selected);
    drawn = now;
    const reading = byId("strip-reading");
    reading.title = reading.textContent;
    markEnds();
  });
})();
