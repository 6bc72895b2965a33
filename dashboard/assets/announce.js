/* The live region: says the selection in words to screen readers, once the panels show it and it has come to rest, and
   what has become of a job. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const REST_MS = 500;  // of several key presses only the last is said
  const ENDS = { embedding: "Embedding", norm: "Final norm", output: "Output" };
  let timer = null;

  function words({ part, block, head, neuron, position }) {
    let text = ENDS[part] || `Block ${block}, ${part === "mlp" ? "MLP" : part}`;
    if (head !== null) text = `Block ${block}, head ${head}`;
    if (neuron !== null) text = `Block ${block}, neuron ${neuron}`;
    const chip = document.querySelector(`#strip-chips [data-select="@${position}"]`);
    if (!chip) return text;
    const written = chip.classList.contains("chip-written") ? ", which was written after the text" : "";
    return `${text}, at token ${position} ‘${chip.textContent}’${written}`;
  }

  /* The current selection in words. */
  explorer.selectionWords = () => words(explorer.selection());

  /* The name on a panel's tab with words about its job. withReading: and what its figure now shows. */
  explorer.announceJob = (panel, text, { withReading }) => {
    const name = document.getElementById(`${panel}-panel`).dataset.tab;
    setTimeout(() => {
      const reading = withReading ? ` ${document.getElementById(`${panel}-reading`).textContent}` : "";
      dash.set_props("status", { children: `${name}: ${text}${reading}` });
    }, REST_MS);
  };

  explorer.announceSelection = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const shown = explorer.parseSelection(document.getElementById("panels").dataset.selection);
      if (shown) dash.set_props("status", { children: words(shown) });
    }, REST_MS);
  };
})();
