/* The page around the panels: notice, pop-ups, keyboard and focus. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const EDGE_PX = 8, GAP_PX = 4;
  const POP_UP = "details:is(.pop-up, .token-search)", OPEN = `${POP_UP}[open]`;

  Object.assign(explorer, {
    notice(text) { dash.set_props("notice", { children: text, is_open: true }); },

    /* Copies the change to a store that no server callback writes. Otherwise the prompt's callback, which reads it,
       would depend on its own result. */
    modelNews(changed) { dash.set_props("model-news", { data: changed }); },
  });

  function closePopUps(except) {
    document.querySelectorAll(OPEN).forEach((popUp) => { if (!popUp.contains(except)) popUp.open = false; });
  }

  /* An open pop-up is below its button, else above it, else where it is whole in the window. */
  function place(popUp) {
    const box = popUp.querySelector("summary ~ div");
    box.style.translate = "";
    const [button, { left, right, top, bottom, height }] = [popUp.querySelector("summary"), box].map(
      (element) => element.getBoundingClientRect());
    const across = Math.max(EDGE_PX - left, Math.min(0, innerWidth - EDGE_PX - right));
    const above = button.top - GAP_PX - height;
    let down = 0;
    if (bottom > innerHeight - EDGE_PX) {
      down = (above >= EDGE_PX ? above : Math.max(EDGE_PX, innerHeight - EDGE_PX - height)) - top;
    }
    box.style.translate = `${across}px ${down}px`;
  }

  /* One that closes around the focus leaves it to its button. */
  let focused = null;
  document.addEventListener("focusin", ({ target }) => { focused = target; });
  document.addEventListener("toggle", ({ target }) => {
    const isLost = [focused, document.body].includes(document.activeElement);
    const popUp = target.closest?.(OPEN);  // it grows when its "More" is opened
    if (popUp) place(popUp);
    else if (target.matches?.(POP_UP) && target.contains(focused) && isLost) target.querySelector("summary").focus();
  }, true);

  document.addEventListener("click", (event) => {
    const { openDialog, closeDialog } = event.target.closest("[data-open-dialog], [data-close-dialog]")?.dataset ?? {};
    if (openDialog || closeDialog) dash.set_props(openDialog || closeDialog, { is_open: Boolean(openDialog) });
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

  /* A click into the scene, the overview or the small pictures of heads focuses it, so that the arrow keys work there. */
  document.addEventListener("pointerdown", (event) => {
    const scene = event.target.closest("#architecture-panel, #overview-panel, .head-grid");
    if (scene && !event.target.closest("button, select, input, summary, a, .term")) {
      scene.classList.add("by-mouse");  // hides the focus ring, which is for keyboard users
      scene.focus({ preventScroll: true });
      scene.addEventListener("keydown", () => scene.classList.remove("by-mouse"), { once: true });
    }
  });
})();
