/* The dialog "Open another model": the last entry of the model menu opens it, and a changed text clears what was found
   under the text before. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const OPEN_ANOTHER = "/open-another";

  /* In the capture phase: the menu itself never learns of the choice, and keeps the model that it shows. */
  document.addEventListener("change", (event) => {
    if (event.target.id !== "prompt-model" || event.target.value !== OPEN_ANOTHER) return;
    event.stopPropagation();
    event.target.value = explorer.prompt()?.model ?? event.target.options[0].value;
    dash.set_props("open-model", { is_open: true });
  }, true);

  document.addEventListener("input", (event) => {
    if (event.target.id !== "open-model-source") return;
    dash.set_props("open-model-open", { disabled: true, children: "Open" });
    dash.set_props("open-model-found", { children: [] });
  });
})();
