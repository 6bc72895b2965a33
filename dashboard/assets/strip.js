/* The chips are new elements each time they are drawn: the keyboard's focus stays on the one that had it, and the
   chosen one is scrolled into view inside the strip. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const chipOf = (element) => element.closest("#strip-chips [data-select]");
  let focused = null;

  document.addEventListener("focusin", (event) => { focused = chipOf(event.target)?.dataset.select ?? null; });
  document.addEventListener("pointerdown", (event) => { if (!chipOf(event.target)) focused = null; });

  explorer.stripDrawn = () => requestAnimationFrame(() => {
    const chips = document.getElementById("strip-chips");
    if (focused && document.activeElement === document.body) {
      chips.querySelector(`[data-select="${focused}"]`)?.focus({ preventScroll: true });
    }
    const chosen = chips.querySelector("[aria-pressed=true]")?.getBoundingClientRect();
    const view = chips.getBoundingClientRect();
    if (chosen && chosen.top < view.top) chips.scrollTop -= view.top - chosen.top + 4;
    if (chosen && chosen.bottom > view.bottom) chips.scrollTop += chosen.bottom - view.bottom + 4;
  });
})();
