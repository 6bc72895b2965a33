/* The selection's state and its single writer. It runs in the browser, so that five key presses in half a second are
   five steps and a click costs one round trip. The store follows as fast as the panels are drawn (pace.js). */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  let nRuns = 0;           // of `select` that this script has asked for
  let current = null;      // the selection that the store holds, parsed
  let lastInBlock = null;  // the last selection in a block: what a step back from either end returns to
  let first = null;        // the prompt's store: the question A and its model's sizes
  let shown = null;        // the same of the side that the panels show, whose positions are selected: of A, or of B
  let mode = "a";          // "a", "b" or "difference"
  let isDefault = false;   // whether nobody, and no link, has chosen the current selection
  let problems = [];       // with the link that is being opened

  const lastPosition = (prompt) => (prompt.n_positions ? prompt.n_positions - 1 : null);

  /* What a link that names only a part of a selection is merged into: the same for every text. */
  const middleSelection = (prompt) => ({ part: "attention", block: Math.floor(prompt.n_blocks / 2), head: 0,
    neuron: null, position: lastPosition(prompt), target: null });

  /* What the page opens with: the head that the server has found in the text, or without weights the middle. */
  const defaultSelection = (prompt) => (prompt.opening
    ? explorer.mergeSelection(middleSelection(prompt), explorer.parseSelection(prompt.opening.select))
    : middleSelection(prompt));

  /* The first number of a selection that the model or the text does not have: {word, value, count}, or undefined. */
  function outOfRange(selection, prompt) {
    if (!prompt.n_blocks) return undefined;  // the model's sizes are not known yet
    const checks = [["block", selection.block, prompt.n_blocks], ["head", selection.head, prompt.n_heads],
      ["neuron", selection.neuron, prompt.n_neurons], ["token id", selection.target, prompt.n_vocab]];
    // The text is encoded once the weights are in memory.
    if (prompt.n_positions) checks.push(["position", selection.position, prompt.n_positions]);
    return checks.map(([word, value, count]) => ({ word, value, count }))
      .find(({ value, count }) => value !== null && value >= count);
  }

  /* The selection that a link names, merged into the middle; null, with a problem, if it cannot be shown. */
  function selectionOfLink(text, prompt) {
    const change = explorer.parseSelection(text);
    const wrong = change && outOfRange(change, prompt);
    if (change && !wrong) return explorer.mergeSelection(middleSelection(prompt), change);
    const ignored = "The link's selection is ignored.";
    if (!change) problems.push(`The link's selection cannot be read. ${ignored}`);
    else if ((explorer.readFragment().model ?? prompt.model) === prompt.model) {  // else the notice is about that
      const { word, value, count } = wrong;
      const whole = word === "position" ? "text" : "model";
      problems.push(`The link selects ${word} ${value}; this ${whole} has ${word}s 0–${count - 1}. ${ignored}`);
    }
    return null;
  }

  /* A step through the depth: embedding, blocks, norm, output. */
  function stepInDepth(selection, by, { n_blocks }) {
    const [embedding, norm, output] = [0, n_blocks + 1, n_blocks + 2];
    let depth = { embedding, norm, output }[selection.part] ?? selection.block + 1;
    depth = Math.max(embedding, Math.min(output, depth + by));
    const end = { [embedding]: "embedding", [norm]: "norm", [output]: "output" }[depth];
    if (end) return { ...selection, part: end, block: null, head: null, neuron: null };
    return explorer.mergeSelection(
      selection, { part: null, block: depth - 1, position: null, target: null }, lastInBlock);
  }

  /* A step among the heads or neurons of a layer; from the whole layer to its first or last. */
  function stepInLayer(selection, by, { n_heads, n_neurons }) {
    const [unit, count] = { attention: ["head", n_heads], mlp: ["neuron", n_neurons] }[selection.part] || [];
    if (!unit) return selection;
    const from = selection[unit] ?? (by > 0 ? -1 : count);
    return { ...selection, [unit]: (from + by + count) % count };
  }

  /* A step up or down, as a wall of heads is drawn: column by column, from the foot of one to the head of the next;
     neurons by number. */
  function stepInWall(selection, by, prompt) {
    const { n_heads, n_head_columns } = prompt;
    if (selection.part !== "attention") return stepInLayer(selection, by, prompt);
    const numbers = [...Array(n_heads).keys()];
    const heads = numbers.sort((a, b) => (a % n_head_columns) - (b % n_head_columns) || a - b);
    const from = selection.head === null ? (by > 0 ? -1 : n_heads) : heads.indexOf(selection.head);
    return { ...selection, head: heads[(from + by + n_heads) % n_heads] };
  }

  function execute(command, selection, prompt) {
    if (command.select === "~") return { ...selection, target: null };
    if (command.select) {
      const change = explorer.parseSelection(command.select);
      return change ? explorer.mergeSelection(selection, change, lastInBlock) : selection;
    }
    if (command.layer) {
      const block = selection.block ?? lastInBlock.block;
      return { ...selection, part: command.layer, block, head: null, neuron: null };
    }
    if (command.along === "grid") {
      const attention = { ...selection, part: "attention", neuron: null };
      return stepInWall(attention, command.by, { ...prompt, n_head_columns: command.columns });
    }
    if (command.along === "block") return stepInDepth(selection, command.by, prompt);
    if (command.along !== "wall") return stepInLayer(selection, command.by, prompt);
    const n_head_columns = command.columns ?? prompt.n_head_columns;
    return stepInWall(selection, command.by, { ...prompt, n_head_columns });
  }

  function keep(selection) {
    current = selection;
    isDefault = false;
    if (selection.block !== null) lastInBlock = selection;
  }

  /* Select, and mark it in the strip and the scene, although the panels still show something else. */
  function moveTo(selection, { addsHistory }) {
    const before = current && explorer.writeSelection(current);
    keep(selection);
    if (explorer.writeSelection(current) === before) return;
    if (addsHistory) explorer.pushHistory();
    explorer.markChip();
    explorer.scene.drawMarks(explorer.scene.plot());
  }

  /* A prompt without the news of its model, which have the panels drawn again, but select nothing. */
  const asked = (prompt) => JSON.stringify({ ...prompt, news: null });

  /* For a new text or model: the link's selection, else the current one at the last position, if the model has it. */
  function keepForPrompt(prompt, linked) {
    const atEnd = { position: lastPosition(prompt), target: null };
    const fits = (selection) => selection && !outOfRange({ ...selection, ...atEnd }, prompt);
    if (!fits(lastInBlock)) lastInBlock = middleSelection(prompt);
    // The weights have arrived, and with them a better default; what the address names is then the one of before.
    const isBetter = isDefault && !shown.n_positions && linked === explorer.writeSelection(current);
    const kept = isBetter ? null
      : (linked && selectionOfLink(linked, prompt)) || (fits(current) && { ...current, ...atEnd });
    moveTo(kept || defaultSelection(prompt), { addsHistory: shown !== null && linked === null });
    isDefault = !kept;
    writeLead(prompt);
  }

  /* The same part at the counterpart of the selected position, if the model of the side that is shown now has it. */
  function switchSide(prompt, side) {
    const position = explorer.counterpart(current.position, mode, side);
    const same = { ...current, position, target: null };
    if (outOfRange(lastInBlock, { ...prompt, n_positions: 0 })) lastInBlock = middleSelection(prompt);
    moveTo(outOfRange(same, prompt) ? { ...middleSelection(prompt), position } : same, { addsHistory: false });
  }

  /* In the line under the tokens: the head that the page opened on and why, or that is worth a look, unless other
     sentences take its place (layouts/lead.py). */
  function writeLead(prompt) {
    const { select, name, why } = prompt.opening || {};
    const whole = `${select}@${lastPosition(prompt)}`;
    const verb = explorer.writeSelection(current) === whole ? "Opened on" : "Try";
    dash.set_props("lead", { children: name ? `${verb} ` : "" });
    dash.set_props("lead-select", { children: name ?? "", hidden: !name, "data-select": name ? whole : "" });
    dash.set_props("lead-why", { children: name ? `: ${why}. ` : "" });
  }

  Object.assign(explorer, {
    /* Execute a command: {select: text}, {layer}, or a step {along, by}. replace: without an entry in the browser's
       history. columns: of the wall of heads along which the step goes, unless it is the 3D scene's. */
    request(command) {
      const next = shown && execute(command, current, shown);
      if (!next || outOfRange(next, shown)) return;
      moveTo(next, { addsHistory: !command.replace });
      explorer.askForPanels();
    },

    /* Have Dash run `select`. */
    runSelect() { dash.set_props("clicked", { data: ++nRuns }); },

    stepInWall,

    prompt: () => first,
    shown: () => shown,
    selection: () => current,

    select(question, _address, _clicked, other, side, text, model) {
      if (!question || explorer.awaitsOther(question, other, text, model)) return dash.no_update;
      const { inputs_list, states_list } = dash.callback_context;
      const triggered = dash.callback_context.triggered.map((t) => t.prop_id.split(".")[0]);
      const isOpened = triggered.includes("address");
      const isCompared = Boolean(other) && explorer.wantsOther(text, model);
      const prompt = isCompared && side === "b" ? other : question;
      const linked = explorer.linkedSelection(question, isOpened);
      const isNewPrompt = asked(shown) !== asked(prompt);
      problems = isNewPrompt || isOpened ? [explorer.otherWeights(question)].filter(Boolean) : [];
      if (isNewPrompt && shown && asked(first) === asked(question) && !isOpened) switchSide(prompt, side);
      else if (isNewPrompt) keepForPrompt(prompt, linked);
      [first, shown, mode] = [question, prompt, side];
      if (!isNewPrompt && isOpened && linked) {
        moveTo(selectionOfLink(linked, prompt) || current, { addsHistory: false });
      }
      if (problems.length) explorer.notice(problems.join(" "));
      for (const { id, property, value } of inputs_list) {
        if (property !== "clickData" || !value || !triggered.includes(id)) continue;
        const figure = states_list.find((state) => state.id === id).value;
        const clicked = explorer.parseSelection(explorer.selectionTextAt(value, figure));
        if (clicked && !outOfRange(clicked, prompt)) {
          moveTo(explorer.mergeSelection(current, clicked, lastInBlock), { addsHistory: true });
        }
        // Cleared, or a second click on the same point would not change the property.
        dash.set_props(id, { clickData: null });
      }
      return explorer.paced({ atOnce: isNewPrompt || isOpened });
    },
  });

  /* A button that its own click takes away leaves the focus to the region around it. */
  function keepFocusNear(button) {
    const region = button.parentElement.closest("[tabindex]");
    if (!region || document.activeElement !== button) return;
    const observer = new MutationObserver(() => {
      if (button.isConnected) return;
      observer.disconnect();
      if (document.activeElement === document.body) region.focus();
    });
    observer.observe(region, { childList: true, subtree: true });
  }

  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-select], [data-along], [data-layer], [data-set]");
    if (!control) return;
    if (control.dataset.set) {
      keepFocusNear(control);
      dash.set_props(control.dataset.set, { value: control.dataset.value });
    }
    const { select, along, by, layer } = control.dataset;
    if (select || along || layer) explorer.request({ select, along, by: Number(by), layer });
  });

  const STEPS = { ArrowLeft: ["block", -1], ArrowRight: ["block", 1], ArrowUp: ["wall", -1], ArrowDown: ["wall", 1] };
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const panel = event.target.closest("#architecture-panel, #overview-panel, #summary-panel, .head-grid");
    if (!panel || event.target.closest("input, select, textarea, .dropdown")) return;
    event.preventDefault();
    if (panel.matches(".head-grid")) {
      const columns = panel.querySelector(".js-plotly-plot")?.layout?.meta?.columns;  // none if no block is selected
      const command = { along: "grid", by: step[1], columns: step[0] === "wall" ? columns : 1, replace: event.repeat };
      if (columns) explorer.request(command);
      return;
    }
    const columns = panel.id === "overview-panel" ? explorer.overviewColumns() : undefined;
    explorer.request({ along: step[0], by: step[1], columns, replace: event.repeat });
  });
})();
