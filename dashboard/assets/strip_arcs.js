/* The selected head's attention, as arcs above the token strip: from the selected token to those that it attends to. An
   arc's width grows evenly with its weight; a token that attends to itself has a loop. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const THINNEST = 0.75;  // pixels, for a weight of 0
  const THICKEST = 5;     // for a weight of 1
  const LOOP = 7;         // half the width of a loop

  /* From one x to another. The longest arc rises to the top; shorter ones stay below it, so that they can be told apart. */
  function path(from, to, { height, width, longest }) {
    const [left, right] = from === to ? [from - LOOP, from + LOOP] : [from, to];
    const rise = (height - width / 2) * (0.4 + 0.6 * Math.sqrt(Math.min(1, Math.abs(right - left) / longest)));
    const control = height - rise * 4 / 3;  // a cubic curve reaches three quarters of the way to its controls
    return `M${left},${height} C${left},${control} ${right},${control} ${right},${height}`;
  }

  explorer.drawArcs = () => {
    const [row, place] = ["strip-chips", "strip-arcs"].map((id) => document.getElementById(id));
    const selected = row.children[row.dataset.shown.split("@")[1]];  // the mark may be ahead of the arcs
    const height = place.clientHeight;  // 0 while several rows are shown
    const weights = selected && height ? JSON.parse(place.dataset.weights || "[]") : [];
    const middle = (chip) => chip.offsetLeft + chip.offsetWidth / 2 - row.scrollLeft;
    // After a new text the weights and the chips may be of different texts for a moment.
    const arcs = weights.filter(([position]) => row.children[position])
      .map(([position, weight]) => ({ position, weight, to: middle(row.children[position]) }));
    const from = selected && middle(selected);
    const longest = Math.max(8 * LOOP, ...arcs.map(({ to }) => Math.abs(to - from)));
    const paths = arcs.map(({ position, weight, to }) => {
      const width = THINNEST + (THICKEST - THINNEST) * weight;
      const d = path(from, to, { height, width, longest });
      return `<path d="${d}" stroke-width="${width}" data-position="${position}"/>`;
    });
    place.innerHTML = `<svg width="100%" height="100%">${paths.join("")}</svg>`;
  };
})();
