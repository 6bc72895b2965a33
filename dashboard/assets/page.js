/* The page itself: theme, notices, requests that fail, full screen, focus. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const SLOW_MS = 20000;
  const KEY = "llm-architecture-explorer.theme";

  function remembered() {
    try {
      return ["light", "dark"].find((theme) => theme === localStorage.getItem(KEY));
    } catch { return undefined; }  // storage may be forbidden
  }

  function show(theme) {
    document.documentElement.dataset.bsTheme = theme;
    return theme;
  }

  const system = matchMedia("(prefers-color-scheme: dark)");
  show(remembered() || (system.matches ? "dark" : "light"));

  Object.assign(explorer, {
    modelNews(changed) { dash.set_props("model-news", { data: changed }); },

    notice(text) { dash.set_props("notice", { children: text, is_open: true }); },

    theme(clicks) {
      let theme = document.documentElement.dataset.bsTheme;
      if (clicks) {
        theme = show(theme === "dark" ? "light" : "dark");
        try { localStorage.setItem(KEY, theme); } catch { /* not remembered then */ }
      }
      return theme;
    },
  });

  system.addEventListener("change", () => {
    if (remembered()) return;
    show(system.matches ? "dark" : "light");
    dash.set_props("theme", { data: document.documentElement.dataset.bsTheme });
  });

  /* A response that is not 200, or none, changes nothing on a Dash page: say so, until the server answers again. */
  let failed = false;
  let said = false;
  const ask = window.fetch;

  function say(text) {
    said = true;
    explorer.notice(text);
  }

  function answered() {
    if (said) dash.set_props("notice", { is_open: false });
    said = failed = false;
  }

  explorer.requestFailed = () => failed;

  /* What asks how a job is doing is asked again for a while: one lost answer does not end a computation. */
  async function insist(request, times) {
    for (let left = times; ; left--) {
      try {
        const response = await request();
        if (response.ok || !left) return response;
      } catch (error) {
        if (!left) throw error;
      }
      await new Promise((done) => setTimeout(done, 1000));
    }
  }

  window.fetch = async function (resource, options) {
    const url = String(resource && resource.url ? resource.url : resource);
    if (!url.includes("_dash-update-component")) return ask.call(this, resource, options);
    const job = explorer.jobAsked(url, options);
    const slow = setTimeout(
      () => say("The server has not answered for 20 seconds. It may be busy: wait, or reload the page."), SLOW_MS);
    try {
      const response = await insist(() => ask.call(this, resource, options), job && job.follows ? 5 : 0);
      if (job && response.ok) explorer.jobAnswered(job, response);
      if (response.ok) { answered(); return response; }
      failed = true;
      if (job) explorer.jobUnheard(job);
      if (response.status === 413) say("That is more than this server reads. Shorten the text.");
      else if (response.status === 429) say("Too many requests at once. Wait a moment, then try again.");
      else say(`The server could not answer (status ${response.status}). What you see is from before; try again.`);
      return response;
    } catch (error) {
      failed = true;
      if (job) explorer.jobUnheard(job);
      say("The server cannot be reached. What you see is from before; try again in a moment.");
      throw error;
    } finally {
      clearTimeout(slow);
    }
  };

  document.addEventListener("click", (event) => {
    const full = event.target.closest("[data-fullscreen]");
    if (full) {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.getElementById(full.dataset.fullscreen).requestFullscreen();
    }
    const press = event.target.closest("[data-press]");
    if (press) document.getElementById(press.dataset.press).click();
    const skip = event.target.closest("[data-focus]");
    if (skip) {
      event.preventDefault();
      document.getElementById(skip.dataset.focus).focus();
    }
    // An open "?" closes when something else is clicked.
    document.querySelectorAll("details.panel-help[open]").forEach((help) => {
      if (!help.contains(event.target)) help.open = false;
    });
  });

  /* Enter analyses; Shift+Enter is a new line. */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll("details.panel-help[open]").forEach((help) => { help.open = false; });
    }
    if (event.target.id !== "prompt-text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    document.getElementById("prompt-analyse").click();
  });

  /* Panels and keys: a click into the scene gives it the arrow keys. */
  document.addEventListener("pointerdown", (event) => {
    const scene = event.target.closest("#architecture-panel");
    if (scene && !event.target.closest("button, select, input, summary, a")) {
      scene.classList.add("by-mouse");  // the ring around the whole scene is for the keyboard's users
      scene.focus({ preventScroll: true });
      scene.addEventListener("keydown", () => scene.classList.remove("by-mouse"), { once: true });
    }
  });
})();
