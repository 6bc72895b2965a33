/* The second question, B: the bar that asks it, the tokens of the side that is not shown, and which of both stand for
   each other. A selected position belongs to the side that is shown: B's in mode B, else A's. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const byId = (id) => document.getElementById(id);
  const SAME_MODEL = "/same";  // as A's: the menu's first entry
  let isOpen = false;
  let second = null;     // B as it was last asked for
  let alignment = null;
  let side = "a";
  let isEntered = false;  // B has been typed, and the focus goes on to the switch when there is one

  const positionsOf = (mode) => (mode === "b" ? "b" : "a");

  const modelOf = (model, prompt) => ((model ?? SAME_MODEL) === SAME_MODEL ? prompt.model : model);

  function open(opens) {
    isOpen = opens;
    byId("compare-bar").hidden = !opens;
    byId("compare-open").setAttribute("aria-expanded", String(opens));
    byId("compare-open").classList.toggle("compare-chosen", opens);
  }

  function close() {
    dash.set_props("compare-side", { value: "a" });
    dash.set_props("compare-text", { value: "" });
    dash.set_props("compare-model", { value: SAME_MODEL });
    open(false);
  }

  /* Make B the question, and the question B. The selected position stays on the side that is shown. */
  function swap() {
    const prompt = explorer.prompt();
    const model = second.model === prompt.model ? "" : prompt.model;
    const position = explorer.counterpart(explorer.selection().position, side, side === "b" ? "a" : "b");
    explorer.openChanged({
      model: second.model, text: second.text, written: "", "compare-text": prompt.text, "compare-model": model,
      select: explorer.writeSelection({ ...explorer.selection(), position, target: null }),
    });
  }

  /* One token of the other side. A click selects its counterpart. */
  function chip(label, position, counterpart, isChanged) {
    const element = document.createElement(counterpart < 0 ? "span" : "button");
    element.textContent = label;
    element.dir = "auto";
    element.className = "chip compare-chip";
    element.classList.toggle("chip-changed", isChanged);
    element.classList.toggle("chip-missing", counterpart < 0);
    const name = `${label} · position ${position} of ${side === "b" ? "A" : "B"}`;
    element.title = counterpart < 0 ? `${name} · no counterpart` : `${name} · stands for position ${counterpart}`;
    if (counterpart >= 0) {
      element.type = "button";
      element.dataset.select = `@${counterpart}`;
      element.tabIndex = -1;
    }
    return element;
  }

  function drawRow() {
    const row = byId("strip-other");
    if (!row) return;
    row.hidden = !alignment;
    byId("strip-panel").classList.toggle("comparing", Boolean(alignment));
    if (!alignment) {
      row.replaceChildren();
      explorer.markCounterparts();
      return;
    }
    const other = positionsOf(side) === "a" ? "b" : "a";
    byId("strip-chips").dataset.side = positionsOf(side).toUpperCase();
    row.dataset.side = other.toUpperCase();
    const { labels, counterparts, changed } = alignment;
    row.replaceChildren(...labels[other].map((label, position) => (
      chip(label, position, counterparts[other][position], changed[other].includes(position)))));
    explorer.markCounterparts();
  }

  Object.assign(explorer, {
    /* What to ask the server about B; nothing while there is no second question. */
    askForOther(prompt, text, model) {
      if (!prompt) return dash.no_update;
      const wanted = explorer.wantsOther(text, model);
      if (wanted && !isOpen) open(true);
      if (!wanted && side !== "a") dash.set_props("compare-side", { value: "a" });  // of a link
      if (!wanted && !second) return dash.no_update;
      const { start, chat } = prompt;
      const of = { ...explorer.questionOf(prompt), news: prompt.news };
      second = wanted ? { model: modelOf(model, prompt), text: text || prompt.text, start, chat, of } : null;
      return second;
    },

    /* Close the bar for a link without B; one that is open for a B that has not been typed yet stays. */
    leaveOther() { if (second) open(false); },
    /* B as it was last asked for, or null; and which side is shown: "a", "b" or "difference". */
    second: () => second,
    side: () => document.documentElement.dataset.side ?? "a",

    /* The part of a prompt's store that says which question it is. */
    questionOf: ({ model, text, start, chat, written }) => ({ model, text, start, chat, written }),

    wantsOther: (text, model) => (text ?? "") !== "" || (model ?? SAME_MODEL) !== SAME_MODEL,

    /* Whether B is asked for and its answer is not here yet. */
    awaitsOther(prompt, other, text, model) {
      if (!other || !explorer.wantsOther(text, model)) return false;
      const same = JSON.stringify(explorer.questionOf(other.of)) === JSON.stringify(explorer.questionOf(prompt));
      return !same || other.text !== (text || prompt.text) || other.model !== modelOf(model, prompt);
    },

    /* The position of the other mode's side that stands for a position; the nearest one before it that has one. */
    counterpart(position, from, to) {
      if (position === null || !alignment || positionsOf(from) === positionsOf(to)) return position;
      const found = alignment.counterparts[positionsOf(from)];
      for (let p = Math.min(position, found.length - 1); p >= 0; p--) if (found[p] >= 0) return found[p];
      return 0;
    },

    /* In both rows: what differs, and in the second one the counterpart of the selected token. */
    markCounterparts() {
      const [here, there] = positionsOf(side) === "a" ? ["a", "b"] : ["b", "a"];
      const chips = [...byId("strip-chips").children];
      chips.forEach((one, position) => {
        one.classList.toggle("chip-changed", Boolean(alignment?.changed[here].includes(position)));
        one.classList.toggle("chip-missing", (alignment?.counterparts[here][position] ?? 0) < 0);
      });
      const selected = explorer.selection()?.position ?? null;
      [...byId("strip-other").children].forEach((one, position) => {
        const isIt = selected !== null && alignment.counterparts[there][position] === selected;
        one.classList.toggle("compare-selected", isIt);
        if (isIt) byId("strip-other").scrollLeft = one.offsetLeft - byId("strip-other").clientWidth / 2;
      });
    },

    otherDrawn(found, mode, text, model) {
      const wanted = explorer.wantsOther(text, model);
      [alignment, side] = [wanted ? found : null, mode];
      document.querySelector(".compare-sides").hidden = !wanted;
      document.documentElement.dataset.side = wanted ? mode : "a";
      drawRow();
      if (isEntered && alignment) {
        document.querySelector(".compare-side input:checked").focus();
        isEntered = false;
      }
    },
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#compare-swap") && second && alignment) swap();
    if (!event.target.closest("#compare-open")) return;
    if (isOpen) {
      close();
      return;
    }
    open(true);
    byId("compare-text").focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "compare-text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.target.blur();  // which the field takes as the end of typing; it no longer lies over the page
    isEntered = true;
  });
})();
