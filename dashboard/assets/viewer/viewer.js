/* The viewer of snapshots: a list of views, and the panels of the one that is shown, without a server. The views are in
   the document (a report), or in `views.json` beside it (a static copy). */
(function () {
  "use strict";
  const explorer = window.dash_clientside.explorer;
  const { made } = explorer;
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const loaded = new Map();  // snapshots by the number of their view
  let [views, shared, shown] = [[], [], 0];

  explorer.arrangement = { presented: () => false };

  async function fetched(name) {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    return answer.json();
  }

  /* Long texts that views have in common, such as the geometry of the scene, are in a file of their own. */
  function joined(value) {
    if (Array.isArray(value)) return value.map(joined);
    if (!value || typeof value !== "object") return value;
    if (Object.keys(value).length === 1 && "shared" in value) return shared[value.shared];
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, joined(one)]));
  }

  async function snapshotOf(number) {
    const view = views[number];
    if (!loaded.has(number)) loaded.set(number, view.snapshot ?? joined(await fetched(view.file)));
    return loaded.get(number);
  }

  /* A tree with what an overlay of dashboard/snapshot/overlay.py changes in it. */
  function changed(base, overlay) {
    if ("set" in overlay) return overlay.set;
    if (!overlay.at) return base;
    const copy = Array.isArray(base) ? [...base] : { ...base };
    for (const [key, part] of Object.entries(overlay.at)) {
      if (part.drop) delete copy[key];
      else copy[key] = changed(copy[key], part);
    }
    return copy;
  }

  const isDark = () => root.dataset.bsTheme === "dark";

  function facts({ model, question, token_ids: ids }) {
    const sides = question.compared.map(({ model: name, text }, n) => [`Text ${"AB"[n]} (${name})`, text]);
    const rows = [
      ["Model", [model.name, model.family, `${model.parameters.toLocaleString("en")} parameters`, model.note]
        .filter(Boolean).join(" · ")],
      ["Selection", question.selection],
      ["Tokens", String(ids.length)],
      ...(sides.length ? sides : [["Text", question.text]]),
    ];
    return made("dl", { className: "facts" }, ...rows.map(([name, value]) => (
      made("div", { className: name.startsWith("Text") ? "wide" : "" }, made("dt", { text: name }),
        made("dd", { text: value, dir: "auto" })))));
  }

  function end({ address, model, versions }) {
    const libraries = Object.entries(versions).map((pair) => pair.join(" ")).join(", ");
    return made("footer", {},
      made("p", { text: "To go on from here, open this address in the explorer: " },
        made("code", { text: `#${address}` })),
      made("p", { text: `Fingerprint of the weights: ${model.fingerprint}. Computed with ${libraries}.` }));
  }

  /* focuses: whether the view's entry in the list gets the focus. focusesStep: which of the stepper's buttons does. */
  async function show(number, { focuses = false, focusesStep = 0 } = {}) {
    shown = number;
    const view = views[number];
    document.querySelectorAll("nav button[data-view]").forEach((button) => {
      const isIt = Number(button.dataset.view) === number;
      if (isIt) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      if (isIt && focuses) button.focus();
      if (isIt) button.parentElement.scrollIntoView({ block: "nearest" });
    });
    if (views.length > 1) window.history.replaceState(null, "", `#${number + 1}`);
    const main = document.querySelector("main");
    let snapshot;
    try {
      snapshot = await snapshotOf(number);
    } catch (error) {
      main.replaceChildren(made("p", { className: "note", text: `This view could not be loaded (${error.message}).` }));
      return;
    }
    if (shown !== number) return;  // another one has been chosen since
    const all = isDark() ? changed(snapshot.panels, snapshot.dark) : snapshot.panels;
    // Below the tokens, the panels that the view is about; then the rest, as on the page.
    const rank = ({ name }) => ["strip", ...snapshot.first, name].indexOf(name);
    const panels = [...all].sort((one, other) => rank(one) - rank(other));
    const title = view.name ? [made("h2", { className: "view-name", text: view.name, dir: "auto" })] : [];
    const note = view.note ? [made("p", { className: "note", text: view.note, dir: "auto" })] : [];
    explorer.showTip("");
    main.replaceChildren(...stepper(), ...title, ...note, facts(snapshot),
      made("div", { className: "panels" }, ...panels.map(explorer.panelElement)), end(snapshot));
    if (focusesStep) main.querySelector(`.stepper button:${focusesStep < 0 ? "first" : "last"}-child`).focus();
  }

  function step(by, options) {
    const next = shown + by;
    if (next >= 0 && next < views.length) show(next, options);
  }

  /* The number of the view, and a step to the one before and after it. */
  function stepper() {
    if (views.length < 2) return [];
    const button = (sign, by, label) => {
      const element = made("button", { type: "button", text: sign, "aria-label": label, title: label });
      element.disabled = !views[shown + by];
      element.addEventListener("click", () => step(by, { focusesStep: by }));
      return element;
    };
    return [made("div", { className: "stepper" }, button("‹", -1, "Previous view"),
      made("span", { text: `${shown + 1} of ${views.length}` }), button("›", 1, "Next view"))];
  }

  function list(groups) {
    let number = 0;
    const items = groups.flatMap(({ title, views: inGroup }) => [
      ...(title ? [made("h2", { text: title })] : []),
      made("ol", { start: number + 1 }, ...inGroup.map(({ name }) => {
        const button = made("button", { type: "button", text: name || `View ${number + 1}`, dir: "auto", "data-view": number });
        button.addEventListener("click", () => show(Number(button.dataset.view)));
        number += 1;
        return made("li", {}, button);
      }))]);
    const nav = made("nav", { "aria-label": "Views" }, ...items);
    nav.addEventListener("keydown", ({ key }) => {
      const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[key];
      if (by) step(by, { focuses: true });
    });
    return nav;
  }

  function setTheme(theme) { root.dataset.bsTheme = theme; }

  function header(title) {
    const label = { "aria-label": "Switch between the light and the dark theme", title: "Switch theme" };
    const button = made("button", { type: "button", className: "theme", text: "◐", ...label });
    button.addEventListener("click", () => {
      setTheme(isDark() ? "light" : "dark");
      show(shown);
    });
    return made("header", {}, made("h1", { text: title }), button);
  }

  async function open() {
    setTheme(dark.matches ? "dark" : "light");
    const inline = document.getElementById("views");
    const { title, groups, shared: file } = inline ? JSON.parse(inline.textContent) : await fetched("views.json");
    if (file) shared = await fetched(file);
    views = groups.flatMap((group) => group.views);
    document.title = title;
    const parts = views.length > 1 ? [list(groups)] : [];
    document.body.append(header(title), made("div", { className: parts.length ? "with-list" : "" },
      ...parts, made("main")));
    const first = Number(location.hash.slice(1)) - 1;
    await show(views[first] ? first : 0);
  }

  addEventListener("hashchange", () => {
    const number = Number(location.hash.slice(1)) - 1;
    if (views[number] && number !== shown) show(number);
  });
  addEventListener("DOMContentLoaded", open);
})();
