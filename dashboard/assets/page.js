/* The page around the panels: notice, pop-ups, keyboard and focus. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const OPEN = "details:is(.pop-up, .token-search)[open]";

  Object.assign(explorer, {
    notice(text) { dash.set_props("notice", { children: text, is_open: true }); },

    /* Copies the change to a store that no server callback writes. Otherwise the prompt's callback, which reads it,
       would depend on its own result. */
    modelNews(changed) { dash.set_props("model-news", { data: changed }); },
  });

  function closePopUps(except) {
    document.querySelectorAll(OPEN).forEach((popUp) => { if (!popUp.contains(except)) popUp.open = false; });
  }

  document.addEventListener("click", (event) => {
    const focus = event.target.closest("[data-focus]")?.dataset.focus;
    if (focus) {
      event.preventDefault();
      explorer.showPanel(focus.replace(/-panel$/, ""));
      document.getElementById(focus).focus();
    }
    closePopUps(event.target);
  });

  /* Enter analyses the text; Shift+Enter inserts a newline. */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.querySelector(OPEN)) {
      event.preventDefault();
      closePopUps(null);
    }
    if (event.target.id !== "prompt-text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    document.getElementById("prompt-analyse").click();
  });

  /* A click into the scene or the overview focuses it, so that the arrow keys work there. */
  document.addEventListener("pointerdown", (event) => {
    const scene = event.target.closest("#architecture-panel, #overview-panel");
    if (scene && !event.target.closest("button, select, input, summary, a, .term")) {
      scene.classList.add("by-mouse");  // hides the focus ring, which is for keyboard users
      scene.focus({ preventScroll: true });
      scene.addEventListener("keydown", () => scene.classList.remove("by-mouse"), { once: true });
    }
  });
})();
