/* The light and the dark theme: the system's at first, then the visitor's choice, kept in local storage. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const KEY = "llm-architecture-explorer.theme";
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

  function storedTheme() {
    try {
      return ["light", "dark"].find((theme) => theme === localStorage.getItem(KEY));
    } catch { return undefined; }  // storage may be forbidden
  }

  const currentTheme = () => document.documentElement.dataset.bsTheme;

  function apply(theme) { document.documentElement.dataset.bsTheme = theme; }

  function applySystemTheme() { apply(systemIsDark.matches ? "dark" : "light"); }

  explorer.theme = (clicks) => {
    if (clicks) {
      apply(currentTheme() === "dark" ? "light" : "dark");
      try { localStorage.setItem(KEY, currentTheme()); } catch { /* the choice lasts until the page is closed */ }
    }
    return currentTheme();
  };

  systemIsDark.addEventListener("change", () => {
    if (storedTheme()) return;
    applySystemTheme();
    dash.set_props("theme", { data: currentTheme() });
  });

  // Before the first drawing, so that the page never flashes in the other theme.
  if (storedTheme()) apply(storedTheme());
  else applySystemTheme();
})();
