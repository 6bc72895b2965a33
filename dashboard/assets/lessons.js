/* The header's menus "Learn", "Examples" and "?". */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};

  explorer.openLesson = ({ title, views, ...lesson }) => explorer.openSession({ title, views, lesson });

  document.addEventListener("click", (event) => {
    const item = event.target.closest(":is(#learn-menu, #examples-menu, #help-menu) .menu-item");
    if (!item) return;
    const menu = item.closest("details");
    menu.open = false;
    menu.querySelector("summary").focus();
    // What an example shows was found in one model; any other one gets the text alone.
    const { address } = item.dataset;
    if (!address || new URLSearchParams(address).get("model") !== explorer.prompt()?.model) return;
    event.preventDefault();
    explorer.openLink(`#${address}`);
  });
})();
