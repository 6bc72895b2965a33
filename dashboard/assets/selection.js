/* The selection. Its one writer runs here, so that five keys in half a second are five steps and a click costs one round
   trip. The grammar is that of analysis/selection.py. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const GRAMMAR = new RegExp(
    "^(?:(embedding|norm|output)|block\\.(\\d+)\\.(?:(attention)(?:\\.head\\.(\\d+))?|(mlp)(?:\\.neuron\\.(\\d+))?))?" +
    "(?:@(\\d+))?(?:~(\\d+))?$");
  const queue = [];      // what HTML controls and keys asked for since the last run
  let current = null;    // the selection that the store holds, as an object
  let remembered = null; // what was selected last in a block, for coming back from the ends
  let shown = null;      // the prompt's data: the question and the sizes
  let pokes = 0;
  const tip = Object.assign(document.createElement("div"), { id: "cell-tip", className: "scene-tip", ariaHidden: "true" });

  const number = (text) => (text === undefined ? null : Number(text));

  function parse(text) {
    const m = typeof text === "string" && text.length ? GRAMMAR.exec(text) : null;
    if (!m) return null;
    return { part: m[1] || m[3] || m[5] || null, block: number(m[2]), head: number(m[4]), neuron: number(m[6]),
      position: number(m[7]), target: number(m[8]) };
  }

  function write(s) {
    let text = s.block === null ? s.part : `block.${s.block}.${s.part}`;
    if (s.head !== null) text += `.head.${s.head}`;
    if (s.neuron !== null) text += `.neuron.${s.neuron}`;
    if (s.position !== null) text += `@${s.position}`;
    if (s.target !== null) text += `~${s.target}`;
    return text;
  }

  /* A text without a part keeps the part; one without @ or ~ keeps position and target. */
  function merge(base, s) {
    const part = s.part ? s : base;
    return { part: part.part, block: part.block, head: part.head, neuron: part.neuron,
      position: s.position ?? base.position, target: s.target ?? base.target };
  }

  function missing(s, m) {
    if (!m.n_blocks) return null;  // nothing is known of the model yet
    for (const [word, value, count] of [["block", s.block, m.n_blocks], ["head", s.head, m.n_heads],
      ["neuron", s.neuron, m.n_neurons], ["position", s.position, m.n_positions], ["token id", s.target, m.n_vocab]]) {
      const unread = word === "position" && !m.n_positions;  // the text is read once the weights are in memory
      if (value !== null && value >= count && !unread) {
        return `The link selects ${word} ${value}; here they run from 0 to ${count - 1}. Another part is shown instead.`;
      }
    }
    return null;
  }

  const lastPosition = (m) => (m.n_positions ? m.n_positions - 1 : null);

  const opening = (m) => ({ part: "attention", block: Math.floor(m.n_blocks / 2), head: 0, neuron: null,
    position: lastPosition(m), target: null });

  function fromLink(text, m) {
    const s = parse(text);
    const problem = s && s.part ? missing(s, m) : "The link's selection cannot be read. Another part is shown instead.";
    if (problem) { explorer.notice(problem); return null; }
    return merge(opening(m), s);
  }

  /* A step along the depth (embedding, blocks, norm, output; with wrap, from the last block to the first). */
  function stepInDepth(s, by, wrap, m) {
    let place = { embedding: 0, norm: m.n_blocks + 1, output: m.n_blocks + 2 }[s.part] ?? s.block + 1;
    if (wrap && place >= m.n_blocks) place = 0;
    place = Math.max(0, Math.min(m.n_blocks + 2, place + by));
    const end = { 0: "embedding", [m.n_blocks + 1]: "norm", [m.n_blocks + 2]: "output" }[place];
    if (end) return { ...s, part: end, block: null, head: null, neuron: null };
    return { ...s, part: remembered.part, block: place - 1, head: remembered.head, neuron: remembered.neuron };
  }

  /* A step among the heads or neurons of a layer; from the whole layer to its first or last. */
  function stepInLayer(s, by, m) {
    const [unit, count] = { attention: ["head", m.n_heads], mlp: ["neuron", m.n_neurons] }[s.part] || [];
    if (!unit) return s;
    const from = s[unit] ?? (by > 0 ? -1 : count);
    return { ...s, [unit]: (from + by + count) % count };
  }

  /* The selection after what an HTML control or a key asked for. */
  function obey(command, s, m) {
    if (command.select === "~") return { ...s, target: null };
    if (command.select) {
      const wanted = parse(command.select);
      return wanted ? merge(s, wanted) : s;
    }
    if (command.layer) {
      return { ...s, part: command.layer, block: s.block ?? remembered.block, head: null, neuron: null };
    }
    return command.along === "block" ? stepInDepth(s, command.by, command.wrap, m) : stepInLayer(s, command.by, m);
  }

  /* What a click in a figure names: in the 3D scene one text for each box of 8 vertices, elsewhere one for each point,
     one for the whole trace, or one for each cell of an image, with its row and column to be filled in. */
  function clicked(data, figure) {
    const point = data && data.points && data.points[0];
    const trace = point && figure && figure.data[point.curveNumber];
    if (!trace) return null;
    if (trace.type === "mesh3d") return trace.customdata[Math.floor(point.pointNumber / 8)];
    if (typeof point.customdata === "string") return point.customdata;
    return trace.meta && trace.meta.select ? filled(trace.meta.select, point) : trace.meta || null;
  }

  const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  /* What is said of the cell under the mouse, in an image of one byte a cell: its value is looked up by its level. */
  function cellWords({ x, y, z }, { words, values, x: columns, y: rows }) {
    return values[z] && filled(words, { x: columns[x], y: rows[y], value: values[z] });
  }

  Object.assign(explorer, {
    /* Ask for a selection by its text, or for a step; replace: do not add a step to the browser's history. */
    request(command) {
      queue.push(command);
      dash.set_props("clicked", { data: ++pokes });
    },

    shown: () => shown,
    selection: () => current,

    select(prompt) {
      if (!prompt) return dash.no_update;
      const { inputs_list, states_list } = dash.callback_context;
      const triggered = dash.callback_context.triggered.map((t) => t.prop_id.split(".")[0]);
      const before = current && write(current);
      const linked = explorer.linkedSelection(prompt);
      let step = false;  // whether the browser's history gets a step
      let now = current;
      if (JSON.stringify(shown) !== JSON.stringify(prompt)) {  // a new text, or another model
        const last = { position: lastPosition(prompt), target: null };
        const fits = (s) => s && !missing({ ...s, ...last }, prompt);
        if (!fits(remembered)) remembered = opening(prompt);
        const kept = fits(now) ? { ...now, ...last } : opening(prompt);
        now = (linked && fromLink(linked, prompt)) || kept;
        step = shown !== null && linked === null;
        shown = prompt;
      } else if (triggered.includes("address") && linked) {
        now = fromLink(linked, prompt) || now;
      }
      for (const { id, property, value } of inputs_list) {
        if (property !== "clickData" || !value || !triggered.includes(id)) continue;
        const s = parse(clicked(value, states_list.find((state) => state.id === id).value));
        if (s && !missing(s, prompt)) { now = merge(now, s); step = true; }
        // An equal second click would not count as a change of the property.
        dash.set_props(id, { clickData: null });
      }
      for (const command of queue.splice(0)) {
        const next = obey(command, now, prompt);
        if (missing(next, prompt)) continue;
        now = next;
        if (now.block !== null) remembered = now;
        step = step || !command.replace;
      }
      current = now;
      if (now.block !== null) remembered = now;
      // After a request that failed, the panels do not show what the store holds: the same click asks again.
      if (write(now) === before && !explorer.requestFailed()) return dash.no_update;
      if (step && write(now) !== before) explorer.addStep();
      return write(now);
    },

    /* The token whose point is under the mouse, in any figure, stands out in the token strip; a cell of an image is
       named beside the mouse. */
    hoverToken() {
      const { inputs_list, states_list, triggered } = dash.callback_context;
      const names = triggered.map((t) => t.prop_id.split(".")[0]);
      const { id, value } = inputs_list.find(({ id, value }) => names.includes(id) && value) || {};
      const figure = value && states_list.find((state) => state.id === id).value;
      const meta = figure && figure.data[value.points[0].curveNumber]?.meta;
      const image = Boolean(meta && meta.words);
      const words = image ? cellWords(value.points[0], meta) : "";
      tip.textContent = words;
      tip.classList.toggle("shown", Boolean(words));
      document.documentElement.classList.toggle("over-image", image);  // instead of Plotly's own label
      (document.fullscreenElement || document.body).append(tip);
      const position = parse(clicked(value, figure))?.position ?? null;
      document.querySelectorAll(".chip-hovered").forEach((chip) => chip.classList.remove("chip-hovered"));
      document.querySelector(`#strip-chips [data-select="@${position}"]`)?.classList.add("chip-hovered");
    },
  });

  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-select], [data-along], [data-layer], [data-set]");
    if (!control) return;
    if (control.dataset.set) dash.set_props(control.dataset.set, { value: control.dataset.value });
    const { select, along, by, layer } = control.dataset;
    if (select || along || layer) explorer.request({ select, along, by: Number(by), layer });
  });

  const STEPS = { ArrowLeft: ["block", -1], ArrowRight: ["block", 1], ArrowUp: ["unit", 1], ArrowDown: ["unit", -1] };
  document.addEventListener("keydown", (event) => {
    const move = STEPS[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    if (!event.target.closest("#architecture-panel, #summary-panel")) return;
    if (event.target.closest("input, select, textarea, .dropdown")) return;
    event.preventDefault();
    explorer.request({ along: move[0], by: move[1], replace: event.repeat });
  });
})();
