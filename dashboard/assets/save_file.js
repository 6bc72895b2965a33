/* Files that the page makes, and the browser saves. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const KEPT_MS = 60000;  // a slow browser, or one that asks where to save, reads the file late

  explorer.saveFile = (blob, name) => {
    const url = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
  };
})();
