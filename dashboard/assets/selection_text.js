/* The text form of selections: parse, write, merge. Pure functions over {part, block, head, neuron, position, target},
   where null means "not named". The grammar is GRAMMAR of analysis/selection.py, which the server sends in a meta
   element. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const GRAMMAR = new RegExp(document.querySelector("meta[name=selection-grammar]").content);
  const ATTENTION = { part: "attention", head: null, neuron: null };

  const number = (digits) => (digits === undefined ? null : Number(digits));

  Object.assign(explorer, {
    /* A selection, or a change that leaves parts out; null if the text is neither. */
    parseSelection(text) {
      const groups = typeof text === "string" ? GRAMMAR.exec(text)?.groups : null;
      if (!groups) return null;
      const { end, block, attention, head, mlp, neuron, position, target } = groups;
      return { part: end ?? attention ?? mlp ?? null, block: number(block), head: number(head), neuron: number(neuron),
        position: number(position), target: number(target) };
    },

    writeSelection({ part, block, head, neuron, position, target }) {
      let text = block === null ? part : `block.${block}.${part}`;
      if (head !== null) text += `.head.${head}`;
      if (neuron !== null) text += `.neuron.${neuron}`;
      if (position !== null) text += `@${position}`;
      if (target !== null) text += `~${target}`;
      return text;
    },

    /* The current selection with a change. A block alone keeps the head or neuron; outside the blocks, the part is that
       of `lastInBlock`, the last selection in a block, if there was one. */
    mergeSelection(current, change, lastInBlock) {
      let from = current;
      if (change.part !== null) from = change;
      else if (change.block !== null) {
        from = { ...(current.block === null ? lastInBlock ?? ATTENTION : current), block: change.block };
      }
      return { part: from.part, block: from.block, head: from.head, neuron: from.neuron,
        position: change.position ?? current.position, target: change.target ?? current.target };
    },
  });
})();
