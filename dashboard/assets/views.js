/* The bar of a session: the views of a lesson, a file or the visitor, one after the other. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const byId = (id) => document.getElementById(id);
  const ENTRY = ":is(input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable])";
  const ALIKE = [["address", "name", "note"], ["address", "name"], ["address"]];
  // {title, views, at, isOwn, isKept, lesson}; `at` is -1 while none of the views is open. Of a lesson, {words, about,
  // next}: by view, the note with its terms and the id of the panel that it speaks of; and the next lesson's entry.
  let shown = null;

  function draw() {
    const bar = byId("views-bar");
    bar.hidden = !shown;
    document.querySelectorAll(".spoken-of").forEach((panel) => panel.classList.remove("spoken-of"));
    if (!shown) return;
    const { title, views, at, isOwn, isKept, lesson } = shown;
    const view = views[at] ?? { name: "", note: "" };
    const command = (name) => bar.querySelector(`[data-views=${name}]`);
    // A disabled button would lose the focus, and with it the arrow keys.
    command("previous").ariaDisabled = String(at <= 0);
    command("next").ariaDisabled = String(at >= views.length - 1);
    command("keep").hidden = isOwn;
    command("keep").ariaDisabled = String(Boolean(isKept));
    command("keep").textContent = isKept ? "Kept ✓" : "Keep";
    byId("views-count").textContent = at < 0 ? `${views.length} views` : `${at + 1} of ${views.length}`;
    byId("views-name").textContent = view.name;
    byId("views-note").replaceChildren(...explorer.withTerms(lesson?.words[at] ?? [view.note]));
    byId(lesson?.about[at])?.classList.add("spoken-of");
    command("lesson").hidden = !lesson?.next || at < views.length - 1;
    byId("views-title").textContent = title;
    bar.classList.toggle("with-notes", views.some(({ note }) => note !== ""));
    bar.querySelector(".views-words").scrollTop = 0;
    explorer.markOwnView(isOwn ? at : -1);
  }

  /* Part of an entry in the browser's history, so that Back shows its view in the bar. */
  const stateOf = ({ views, at }) => ({ view: views[at], at });

  /* Where a view is in a list, or -1. Since it was at `at`, it may have been moved, renamed, or read from a file. */
  function placeOf({ view, at }, views) {
    if (!view) return -1;
    const places = [at, ...views.keys()].filter((place) => views[place]);
    const isAt = (place, fields) => fields.every((field) => views[place][field] === view[field]);
    return ALIKE.map((fields) => places.find((place) => isAt(place, fields)))
      .find((place) => place !== undefined) ?? -1;
  }

  function linkOf({ address, fingerprint }) {
    const parts = new URLSearchParams(address);
    if (fingerprint) parts.set("fingerprint", fingerprint);
    return `#${parts}`;
  }

  function go(at) {
    if (!shown?.views[at]) return;
    shown.at = at;
    draw();
    explorer.openLink(linkOf(shown.views[at]), stateOf(shown));
  }

  Object.assign(explorer, {
    /* Show a session in the bar, and open one of its views. views: {name, note, address, fingerprint} of each. isOwn:
       whether they are the visitor's own list. lesson: what a lesson has besides. */
    openSession({ title, views, at = 0, isOwn = false, lesson = null }) {
      shown = { title, views, at: -1, isOwn, lesson };
      go(at);
      byId("views-bar").focus({ preventScroll: true });
    },

    /* Show the session that the server was started with. It begins at its first view, unless the page was opened by a
       link or is loaded again. */
    openServed({ title, views }) {
      shown = { title, views, at: -1, isOwn: false };
      if (location.hash.length > 1) shown.at = placeOf(window.history.state ?? {}, views);
      else if (views.length) {
        shown.at = 0;
        window.history.replaceState(stateOf(shown), "", linkOf(views[0]));
      }
      draw();
    },

    /* The visitor's own list has changed: the same view stays, at its new place. */
    ownViewsChanged(views) {
      if (!shown?.isOwn) return;
      const at = placeOf(stateOf(shown), views);
      shown = views.length ? { ...shown, views, at } : null;
      draw();
    },

    /* A step back or forward in the browser's history. */
    showViewOf(state) {
      if (!shown || !state?.view) return;
      shown.at = placeOf(state, shown.views);
      draw();
    },
  });

  function keep() {
    if (!explorer.keepViews(shown.views)) return;
    dash.set_props("status", { children: "The views are among your own." });
    shown = { ...shown, isKept: true };
    draw();
  }

  document.addEventListener("click", (event) => {
    const command = event.target.closest("#views-bar [data-views]")?.dataset.views;
    if (command === "previous") go(shown.at - 1);
    if (command === "next") go(shown.at + 1);
    if (command === "lesson") byId(shown.lesson.next).click();
    if (command === "keep" && !shown.isKept) keep();
    if (command === "close") {
      shown = null;
      draw();
      document.querySelector("#views-menu > summary").focus();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (!shown || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const always = { PageUp: -1, PageDown: 1 };  // the keys of a presenter's remote control
    const inBar = event.target.closest("#views-bar") ? { ...always, ArrowLeft: -1, ArrowRight: 1 } : always;
    const by = inBar[event.key];
    if (!by || event.target.closest(`${ENTRY}, .modal, dialog, .pop-up`)) return;
    event.preventDefault();
    go(shown.at + by);
  });
})();
