/* Figures fit the place that they are drawn in: on their way to Plotly they lose what has no room there (colour bars,
   titles of axes, some labels), and small multiples are wrapped evenly. The figure that Dash holds stays whole. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const WAIT_MS = 80;
  const [LOW, NARROW] = [260, 360];          // below these pixels, titles of axes and colour bars are left out
  const BARS = [110, 44], EDGES = [36, 16];  // what is beside and below a heat map with them, and without
  const TINY = 130;                          // height below which a slanted label would be cut off
  const [LINE, SLANTED] = [13, 18];          // pixels that a label needs along its axis: horizontal text, slanted text
  const SMALL = 5;                           // of a cell, below which it has no gap around it
  const LETTER = 6.8;                        // of a caption, and of a label
  const CELL_LETTER = 6, LEAST_LETTERS = 3;  // of a cell's text: its least width, and how many it has at least
  const GAP = 0.08, NUMBER_PX = 16;          // between small multiples, and above each for its number
  const PRESENTED = 16 / 12;                 // size of letters in a presentation
  const SHAPE = 1.75, SIDES = 230;           // of the 3D scene: its width by its height, and pixels of texts at its sides
  const BAR_PX = 60;                         // height of the colour bar below it
  const EVEN = 0.6;                          // least size in even rows, as a share of the largest possible one
  const given = new WeakMap();               // by plot: the last whole figure, and the size that it was drawn for
  const waiting = new Map();

  /* room: labels along the whole axis. */
  function thinned(axis, room) {
    const { tickvals, ticktext, range } = axis;
    const n = Array.isArray(tickvals) && Array.isArray(ticktext) ? tickvals.length : 0;
    const share = n > 1 && range ? Math.abs((tickvals[n - 1] - tickvals[0]) * n / (n - 1) / (range[1] - range[0])) : 1;
    const every = Math.ceil(n / Math.max(1, Math.floor(room * Math.min(1, share))));
    if (every < 2) return axis;
    const kept = (_, index) => index % every === 0;
    return { ...axis, tickvals: tickvals.filter(kept), ticktext: ticktext.filter(kept) };
  }

  /* Without the horizontal labels that would lie over the one before. */
  function apart(axis, length) {
    const { tickvals, ticktext, range, tickangle } = axis;
    if (tickangle !== 0 || !range || !Array.isArray(tickvals) || !Array.isArray(ticktext)) return axis;
    const pixels = length / Math.abs(range[1] - range[0]);
    let end = -Infinity;
    const isKept = ticktext.map((label, n) => {
      const half = (LETTER * Math.max(...String(label).split("<br>").map((line) => line.length))) / 2;
      const middle = pixels * Math.abs(tickvals[n] - range[0]);
      if (middle - half < end) return false;
      end = middle + half;
      return true;
    });
    const kept = (_, n) => isKept[n];
    return { ...axis, tickvals: tickvals.filter(kept), ticktext: ticktext.filter(kept) };
  }

  /* The side of a heat map with square cells, beside and above the labels of its rows and columns, which are the same. */
  function sideOf({ ticktext }, width, height) {
    const longest = LETTER * Math.max(0, ...(ticktext ?? []).map((label) => label.length));
    const [beside, below] = width < NARROW || height < LOW ? EDGES : BARS;
    return Math.max(LINE, Math.min(width - beside - longest, height - below - (height < LOW ? 0 : 0.7 * longest)));
  }

  /* Always a copy: Plotly writes into the axes that it draws, so that a reversed one would not be reversed again. */
  function fittedAxis(name, axis, width, height, square) {
    const isX = name.startsWith("x");
    const length = square ?? (isX ? 0.85 * width : 0.75 * height);
    const isBare = width < NARROW || height < LOW;  // without colour bars
    const thin = thinned(axis, length / (isX ? SLANTED : LINE));
    let fitted = { ...(isX ? apart(thin, width - (isBare ? EDGES : BARS)[0]) : thin) };
    const hasRoom = isX ? height >= LOW : width >= NARROW && height >= LOW;
    if (hasRoom) return fitted;
    if (isX && height < TINY) fitted = { ...fitted, showticklabels: false };
    // Plotly would keep room for an empty one.
    return { ...fitted, ...(axis.title && { title: { ...axis.title, text: null } }) };
  }

  /* Of bars that stand for parts, the first ones, as many as have room for their names. lines: of text in a row. */
  function firstRows(axis, { rows, lines = 1 }, height) {
    const most = Math.floor((0.75 * height) / (LINE * lines));
    return rows > most ? { ...axis, range: [most - 0.5, -0.5] } : axis;
  }

  /* Gaps between cells are left out where the cells are so small that they would mostly be gap. */
  function withoutGaps(trace, { xaxis, yaxis }, width, height) {
    if (trace.type !== "heatmap" || !trace.xgap) return trace;
    const { z } = trace;  // as a list of rows, or as an array in base64 with its shape
    const [rows, columns] = z.shape ? z.shape.split(",").map(Number) : [z.length, z[0].length];
    const gap = (steps, range, cells, pixels) => {
      const share = steps && range ? Math.abs((steps[1] - steps[0]) / (range[1] - range[0])) : 1 / cells;
      return share * pixels < SMALL ? 0 : trace.xgap;
    };
    return { ...trace, xgap: gap(trace.x, xaxis.range, columns, width), ygap: gap(trace.y, yaxis.range, rows, height) };
  }

  function withoutBar(trace) {
    if (trace.type === "heatmap") return { ...trace, showscale: false };
    if (trace.marker?.colorbar && !trace.type?.endsWith("3d")) {
      return { ...trace, marker: { ...trace.marker, showscale: false } };
    }
    return trace;
  }

  const isLowScene = (layout, width, height) =>
    Boolean(layout?.meta?.camera) && width > SIDES + SHAPE * (height - BAR_PX);

  /* The 3D scene's colour bar, which is below the scene, stands beside it where the scene is low: there it takes no
     room, since the scene does not get wider. */
  function withBarBeside(trace) {
    const { colorbar } = trace;
    if (!trace.showscale || !colorbar) return trace;
    const title = { ...colorbar.title, side: "right", text: colorbar.title.text.replace(" (", "<br>(") };
    const upright = { orientation: "v", len: 0.92, lenmode: "fraction", title };
    const right = { x: 1, xanchor: "right", xpad: 4, y: 0.5, yanchor: "middle" };
    return { ...trace, colorbar: { ...colorbar, ...upright, ...right } };
  }

  /* Small multiples in as many columns as make them largest, in rows of equal length unless they get much smaller. */
  function wrapped(layout, count, outerWidth, outerHeight) {
    const { l, r, t, b } = layout.margin;
    const [width, height] = [outerWidth - l - r, outerHeight - t - b];
    const size = (columns) => Math.min(width / columns, height / Math.ceil(count / columns) - NUMBER_PX);
    const all = [...Array(count).keys()];
    const largest = (choices) => choices.reduce((best, n) => (size(n) > size(best) ? n : best));
    const choices = all.map((n) => n + 1);
    const [any, even] = [largest(choices), largest(choices.filter((n) => count % n === 0))];
    const columns = size(even) >= EVEN * size(any) ? even : Math.ceil(count / Math.ceil(count / any));
    const side = size(columns) * (1 - GAP);
    const fitted = { ...layout, annotations: [...layout.annotations], shapes: [...layout.shapes],
      meta: { ...layout.meta, columns } };  // in which arrow keys move
    for (const n of all) {
      const [row, column] = [Math.floor(n / columns), n % columns];
      const left = column / columns;
      const top = 1 - (row * (side / (1 - GAP) + NUMBER_PX) + NUMBER_PX) / height;
      const [right, bottom] = [left + side / width, top - side / height];
      const suffix = n ? n + 1 : "";
      fitted[`xaxis${suffix}`] = { ...layout[`xaxis${suffix}`], domain: [left, right] };
      fitted[`yaxis${suffix}`] = { ...layout[`yaxis${suffix}`], domain: [bottom, top] };
      fitted.annotations[n] = { ...layout.annotations[n], x: left, y: top };
      fitted.shapes[n] = { ...layout.shapes[n], x0: left, x1: right, y0: bottom, y1: top };
    }
    return fitted;
  }

  /* Texts of cells are cut where they would have to be very small, and left out where hardly a letter would be left. */
  function withCellTexts(trace, { xaxis }, width) {
    if (trace.type !== "heatmap" || !trace.texttemplate || !xaxis?.range) return trace;
    const most = Math.floor(0.9 * width / (xaxis.range[1] - xaxis.range[0]) / CELL_LETTER);
    if (most < LEAST_LETTERS) return { ...trace, texttemplate: "" };
    const cut = (label) => {
      const letters = label.match(/&\w+;|[^]/gu) ?? [];  // labels are escaped
      return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : label;
    };
    return { ...trace, text: trace.text.map((row) => row.map(cut)) };
  }

  /* A title as it fits: whole, else in its short form, else cut. */
  function fittedTitle(title, short, width) {
    const most = Math.floor(width / LETTER);
    const text = title.text.length > most && short ? short : title.text;
    return { ...title, text: text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text };
  }

  /* The message of a figure without data, in lines that fit. */
  function inLines(layout, width) {
    const line = new RegExp(`(.{1,${Math.max(10, Math.floor(width / LETTER))}})(?:\\s+|$)`, "gu");
    const [note] = layout.annotations;
    return { ...layout, annotations: [{ ...note, text: note.text.trim().replace(line, "$1<br>").replace(/<br>$/, "") }] };
  }

  /* Larger letters, for a presentation. */
  function withLargeText(value, name = "") {
    if (Array.isArray(value)) return value.map((part) => withLargeText(part, name));
    if (!value || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) =>
      [key, /font$/.test(name) && key === "size" ? Math.round(PRESENTED * part) : withLargeText(part, key)]));
  }

  /* A figure as it is drawn in so many pixels. */
  function fit({ data, layout, ...rest }, width, height) {
    if (!layout || !width || !height) return { data, layout, ...rest };
    let fitted = explorer.arrangement.presented() ? withLargeText(layout) : { ...layout };
    const square = layout.yaxis?.scaleanchor && sideOf(layout.yaxis, width, height);
    for (const [name, axis] of Object.entries(fitted)) {
      if (/^[xy]axis/.test(name)) fitted[name] = fittedAxis(name, axis, width, height, square);
    }
    if (layout.meta?.rows) {
      fitted.yaxis = { ...firstRows(layout.yaxis, layout.meta, height), title: fitted.yaxis.title };
    }
    if (layout.title?.text) fitted.title = fittedTitle(fitted.title, layout.meta?.short, width);
    if (height < LOW && square) {  // the rows have the same labels as the columns
      fitted.xaxis = { ...fitted.xaxis, showticklabels: false, ticks: "" };
    }
    if (data?.length === 0 && layout.annotations?.length) fitted = inLines(fitted, width);
    if (layout.meta?.multiples) fitted = wrapped(fitted, layout.meta.multiples, width, height);
    const isSmall = height < LOW || width < NARROW;
    if (isSmall && layout.meta?.bar && !layout.scene) fitted.margin = { ...layout.margin, [layout.meta.bar]: 8 };
    let drawn = data?.map((trace) => withCellTexts(isSmall ? withoutBar(trace) : trace, layout, width))
      .map((trace) => withoutGaps(trace, layout, width, height));
    if (isLowScene(layout, width, height)) drawn = drawn.map(withBarBeside);
    if (layout.meta?.labels && layout.xaxis) drawn = explorer.withoutOverlaps(drawn, fitted, width, height);
    return { data: drawn, layout: fitted, ...rest };
  }

  const tellDrawn = (plot) => plot.dispatchEvent(new Event("figuredrawn", { bubbles: true }));

  explorer.fitFigures = (Plotly) => {
    // A figure that is drawn again keeps the size that it had, until Dash resizes it.
    const { resize } = Plotly.Plots;
    Plotly.Plots.resize = (plot) => {
      const resized = resize(plot);
      resized.then(() => tellDrawn(plot), () => {});
      return resized;
    };
    for (const method of ["newPlot", "react"]) {
      const draw = Plotly[method];
      Plotly[method] = (plot, figure, ...more) => {
        const element = typeof plot === "string" ? document.getElementById(plot) : plot;
        if (!figure || Array.isArray(figure) || !element) return draw(plot, figure, ...more);
        const before = given.get(element), entry = { figure };
        given.set(element, entry);
        entry.drawn = explorer.drawInTurn(() => {
          if (given.get(element) !== entry) return given.get(element).drawn;  // of a newer figure
          if (!element.isConnected) return plot;
          const { clientWidth: width, clientHeight: height } = element;
          Object.assign(entry, { width, height, isLow: isLowScene(figure.layout, width, height) });
          // Plotly leaves the title of a colour bar where it was if the bar is turned.
          if (before?.isLow !== entry.isLow) element.querySelectorAll(".colorbar").forEach((bar) => bar.remove());
          return draw(plot, fit(figure, width, height), ...more);
        });
        entry.drawn.then(() => tellDrawn(element));
        return entry.drawn;
      };
    }
    return Plotly;
  };

  function redraw(place) {
    waiting.delete(place);
    const plot = place.querySelector(".js-plotly-plot");
    if (!plot || !plot._fullLayout || !place.clientWidth || !place.clientHeight) return;
    const isFor = ({ width, height }) =>
      Math.abs(width - plot.clientWidth) <= 1 && Math.abs(height - plot.clientHeight) <= 1;
    // A 3D figure keeps its camera only if it is told its new size alone; the 3D scene's is kept by the page. Others may
    // have been told it by Dash already.
    if (plot._fullLayout.scene && !plot.layout.meta?.camera) {
      if (!isFor(plot._fullLayout)) Plotly.Plots.resize(plot);
    } else if (!isFor(given.get(plot))) Plotly.react(plot, given.get(plot).figure);
  }

  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      clearTimeout(waiting.get(target));
      waiting.set(target, setTimeout(() => redraw(target), WAIT_MS));
    }
  });

  addEventListener("DOMContentLoaded", () => {
    const watch = () => document.querySelectorAll(".dash-graph").forEach((place) => observer.observe(place));
    new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });
  });
})();
