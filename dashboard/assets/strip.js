/* The token strip after it is drawn: its chips are new elements, so the keyboard focus is restored, and the selected
   chip is scrolled into view within the strip. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const chipOf = (element) => element.closest("#strip-chips [data-select]");
  let focused = null;  // the selection text of the chip that has the focus

  document.addEventListener("focusin", (event) => { focused = chipOf(event.target)?.dataset.select ?? null; });
  document.addEventListener("pointerdown", (event) => { if (!chipOf(event.target)) focused = null; });

  explorer.stripDrawn = () => requestAnimationFrame(() => {
    const chips = document.getElementById("strip-chips");
    if (focused && document.activeElement === document.body) {
      chips.querySelector(`[data-select="${focused}"]`)?.focus({ preventScroll: true });
    }
    const selected = chips.querySelector("[aria-pressed=true]")?.getBoundingClientRect();
    const view = chips.getBoundingClientRect();
    if (selected && selected.top < view.top) chips.scrollTop -= view.top - selected.top + 4;
    if (selected && selected.bottom > view.bottom) chips.scrollTop += selected.bottom - view.bottom + 4;
  });
})();
