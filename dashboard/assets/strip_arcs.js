/* The selected head's attention, as arcs above the token strip: from the selected token to those that it attends to. An
   arc's width grows evenly with its weight; a token that attends to itself has a loop. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const THINNEST = 0.75;  // pixels, for a weight of 0
  const THICKEST = 5;     // for a weight of 1
  const LOOP = 7;         // half the width of a loop
  const FAR = 240;        // from this distance on an arc reaches the top

  /* From one x to another: it rises, more the further it goes, and comes down. */
  function path(from, to, height, width) {
    const [left, right] = from === to ? [from - LOOP, from + LOOP] : [from, to];
    const reach = Math.min(1, 0.45 + 0.55 * Math.abs(right - left) / FAR);
    const top = (height - width / 2) * reach;
    const control = height - top * 4 / 3;  // a cubic curve reaches three quarters of the way to its controls
    return `M${left},${height} C${left},${control} ${right},${control} ${right},${height}`;
  }

  explorer.drawArcs = () => {
    const [row, place] = ["strip-chips", "strip-arcs"].map((id) => document.getElementById(id));
    const selected = row.querySelector("[aria-pressed=true]");
    const height = place.clientHeight;  // 0 while several rows are shown
    const weights = selected && height ? JSON.parse(place.dataset.weights || "[]") : [];
    const middle = (chip) => chip.offsetLeft + chip.offsetWidth / 2 - row.scrollLeft;
    const arcs = weights.filter(([position]) => row.children[position]).map(([position, weight]) => {
      const width = THINNEST + (THICKEST - THINNEST) * weight;
      const d = path(middle(selected), middle(row.children[position]), height, width);
      return `<path d="${d}" stroke-width="${width}" data-position="${position}"/>`;
    });
    place.innerHTML = `<svg width="100%" height="100%">${arcs.join("")}</svg>`;
  };
})();
