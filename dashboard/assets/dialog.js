/* Dialogs of the browser's own kind, which keep the focus inside and give it back (layouts/dialog.py). */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const ENTRY = "input, textarea, select, [contenteditable]";
  const open = () => document.querySelector("dialog[open]");

  /* Open a dialog. at: the id of an entry that is brought into view. */
  explorer.openDialog = (id, at) => {
    open()?.close();
    const dialog = document.getElementById(id);
    dialog.showModal();
    const body = dialog.querySelector(".dialog-body");
    body.focus({ preventScroll: true });
    const entry = at && document.getElementById(at);
    for (const one of dialog.querySelectorAll(".found")) one.classList.remove("found");
    body.scrollTop = 0;
    if (!entry) return;
    const name = entry.previousElementSibling;
    for (const one of [name, entry]) one.classList.add("found");
    name.scrollIntoView({ block: "center", behavior: "instant" });
  };

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) explorer.openDialog(opener.dataset.dialog);
    // Of a click beside the dialog, the target is the dialog itself.
    if (event.target.closest("dialog [data-close]") || event.target.matches("dialog")) open()?.close();
  });

  /* First of all that Escape closes. */
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open()) {
      event.preventDefault();
      event.stopPropagation();
      open().close();
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.target.closest(ENTRY)) return;
    if (document.querySelector(".modal.show")) return;
    event.preventDefault();
    explorer.openDialog("shortcuts");
  });
})();
