/* Terms of the glossary: a word with a dotted line under it, the name on a tab, or the chosen entry of a menu is explained
   beside it on hover, focus or tap, and from there leads to the glossary. The terms of a panel, or of the bar of views,
   are one tab stop, in which ← and → move. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const WAIT_MS = 250, GAP_PX = 6, EDGE_PX = 8;
  const AROUND = ":is(.panel, .views-bar):not([hidden])";  // whose terms are one tab stop
  const tip = document.createElement("div");
  Object.assign(tip, { className: "term-tip", role: "tooltip", hidden: true });
  const toGlossary = document.createElement("button");  // with the keyboard: Enter on the term
  Object.assign(toGlossary, { type: "button", className: "to-glossary", textContent: "Glossary", tabIndex: -1 });
  toGlossary.addEventListener("click", openGlossary);
  let shown = null;  // the element that is explained
  let timer = null;

  const explainable = (target) => target.closest?.(".term, .dock-tab, .choice[data-terms]");

  /* The ids of the explanations that an element has. */
  function idsOf(element) {
    const { terms } = element.dataset;
    return terms ? JSON.parse(terms)[element.querySelector("select").value]
      : [element.getAttribute("aria-describedby")].filter(Boolean);
  }

  function openGlossary() {
    const [id] = idsOf(shown);
    hide();
    explorer.openDialog("glossary", id);
  }

  /* Paragraphs: what a menu chooses, each term with its explanation, and what else is to be said of a tab. */
  function explanation(element) {
    const { label, note } = element.dataset;
    const ids = idsOf(element);
    const lines = ids.map((id) => document.getElementById(id)).map((line) => {
      const name = document.createElement("strong");
      name.textContent = line.previousElementSibling.textContent;
      return [name, " ", line.textContent];
    });
    const paragraphs = [label, ...lines, note].filter(Boolean).map((parts) => {
      const paragraph = document.createElement("p");
      paragraph.append(...[parts].flat());
      return paragraph;
    });
    return ids.length ? [...paragraphs, toGlossary] : paragraphs;
  }

  function hide() {
    clearTimeout(timer);
    shown = null;
    tip.hidden = true;
  }

  function show(element) {
    hide();
    tip.replaceChildren(...explanation(element));
    if (!tip.hasChildNodes()) return;
    tip.hidden = false;
    (document.fullscreenElement ?? document.body).append(tip);
    const word = element.getClientRects()[0];
    const left = Math.min(word.left, innerWidth - tip.offsetWidth - EDGE_PX);
    const below = word.bottom + GAP_PX;
    const top = below + tip.offsetHeight < innerHeight - EDGE_PX ? below : word.top - GAP_PX - tip.offsetHeight;
    Object.assign(tip.style, { left: `${Math.max(EDGE_PX, left)}px`, top: `${Math.max(EDGE_PX, top)}px` });
    shown = element;
  }

  function later(run) {
    clearTimeout(timer);
    timer = setTimeout(run, WAIT_MS);
  }

  /* The mouse may move on to the explanation itself. */
  document.addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType !== "mouse") return;
    const element = explainable(target);
    if (element && element !== shown) later(() => { if (element.isConnected) show(element); });
    else if (element || tip.contains(target)) clearTimeout(timer);
    else later(hide);
  });
  document.addEventListener("pointerdown", ({ target }) => { if (!tip.contains(target)) hide(); });
  document.addEventListener("click", ({ target }) => { if (target.matches?.(".term")) show(target); });
  document.addEventListener("focusin", ({ target }) => {
    if (tip.contains(target)) return;
    if (explainable(target) && target.matches(":focus-visible")) show(explainable(target));
    else hide();
  });
  document.addEventListener("focusout", ({ relatedTarget }) => { if (!tip.contains(relatedTarget)) hide(); });
  document.addEventListener("scroll", ({ target }) => { if (shown && target.contains(shown)) hide(); },
    { capture: true, passive: true });

  /* Elements and texts of a text with terms, as `explained_json` and `marked` of layouts/glossary.py give it. */
  explorer.withTerms = (parts) => parts.map((part) => {
    if (typeof part === "string") return part;
    const { children, className, ...attributes } = part.props;
    const term = Object.assign(document.createElement("span"), { className, textContent: children });
    for (const [name, value] of Object.entries(attributes)) term.setAttribute(name, value);
    return term;
  });

  /* A panel's terms that are not cut off. */
  function terms(panel) {
    return [...panel.querySelectorAll(".term")].filter((term) => {
      const [word, around] = [term, term.parentElement].map((element) => element.getBoundingClientRect());
      return word.width && word.right <= around.right + 1 && term.checkVisibility();
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown) {
      event.preventDefault();  // what else Escape closes stays open
      hide();
    }
    if (!event.target.matches?.(".term")) return;
    const all = terms(event.target.closest(AROUND));
    const next = all[all.indexOf(event.target) + { ArrowLeft: -1, ArrowRight: 1 }[event.key]];
    if (event.key === "Enter" && shown === event.target) openGlossary();
    else if (event.key === "Enter" || event.key === " ") show(event.target);
    if (/^Arrow/.test(event.key)) event.stopPropagation();  // they would move the selection
    next?.focus();
    if (next || event.key === " ") event.preventDefault();
  }, true);

  /* Tab comes to the first of them, or back to the one that had the focus. */
  function setTabStops() {
    for (const panel of document.querySelectorAll(AROUND)) {
      const all = terms(panel);
      const stop = all.find((term) => term === document.activeElement) ?? all[0];
      for (const term of panel.querySelectorAll(".term")) term.tabIndex = term === stop ? 0 : -1;
    }
  }
  document.addEventListener("keydown", ({ key }) => { if (key === "Tab") setTabStops(); }, true);
})();
