/* A panel of a snapshot: its words, tables and figures, made of plain data. Whatever it says is set as text. */
(function () {
  "use strict";
  const explorer = window.dash_clientside.explorer;
  const TAGS = new Set(["div", "span", "p", "strong", "em", "b", "i", "mark", "code", "sub", "sup", "br", "ul", "ol", "li",
    "h3", "h4", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "abbr", "dl", "dt", "dd"]);
  const STYLES = ["background", "color", "borderColor", "boxShadow", "fontWeight", "textDecoration"];
  const CORNERS = 8;  // of a box of the 3D scene
  const WIDE = 2;     // its width by its height, from which on its colour bar is beside it
  const CONFIG = { displaylogo: false, responsive: false, modeBarButtons: [["toImage"]] };
  const MARGIN = "300px";  // around the window, within which figures are drawn

  explorer.fitFigures(window.Plotly);

  function made(tag, { className = "", text, ...attributes } = {}, ...children) {
    const element = document.createElement(tag);
    element.className = className;
    if (text !== undefined) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  /* The 3D scene without the page's scripts: the mouse turns it, and Plotly shows the name of each box. Where it is not
     wide, its colour bar is below it. */
  function sceneAlone({ data, layout }, { clientWidth, clientHeight }) {
    const named = data.map((trace) => (trace.type === "mesh3d" && trace.hovertext
      ? { ...trace, hoverinfo: "text", hovertext: trace.hovertext.flatMap((text) => Array(CORNERS).fill(text)) }
      : trace));
    const bottom = clientWidth > WIDE * clientHeight ? 0 : 0.13;
    const scene = { ...layout.scene, dragmode: "turntable", domain: { x: [0, 1], y: [bottom, 1] } };
    return { data: named, layout: { ...layout, scene } };
  }

  /* Say what is under the mouse, as the page does for images, whose cells have names in their `meta` only. */
  function nameCells(plot) {
    plot.on("plotly_hover", ({ points: [point] }) => {
      const { meta } = point.data;
      const isImage = Boolean(meta?.words);
      explorer.showTip(isImage ? explorer.cellText(point, meta) : "");
      document.documentElement.classList.toggle("over-image", isImage);
    });
    plot.on("plotly_unhover", () => explorer.showTip(""));
  }

  function draw(plot, figure) {
    const shown = figure.layout.meta?.camera ? sceneAlone(figure, plot) : figure;
    return window.Plotly.newPlot(plot, { ...structuredClone(shown), config: CONFIG }).then(() => {
      if (plot.on) nameCells(plot);  // not drawn if another view was chosen meanwhile
    });
  }

  const waiting = new WeakMap();  // figures by their places, which are drawn when they come near the window
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !waiting.has(target)) continue;
      near.unobserve(target);
      draw(target.firstChild, waiting.get(target));
      waiting.delete(target);
    }
  }, { rootMargin: MARGIN });

  function graph(figure) {
    const place = made("div", { className: "dash-graph" }, made("div", { className: "plot" }));
    waiting.set(place, figure);
    near.observe(place);
    return place;
  }

  function part(node, figures) {
    if (typeof node === "string") return node;
    if (node.figure) return graph(figures[node.figure]);
    if (!TAGS.has(node.tag)) return "";
    const element = made(node.tag, { className: node.class });
    for (const name of ["title", "dir", "scope"]) if (node[name]) element.setAttribute(name, node[name]);
    if (node.label) {
      element.setAttribute("role", "group");
      element.setAttribute("aria-label", node.label);
    }
    for (const name of STYLES) if (node.style?.[name]) element.style[name] = node.style[name];
    element.append(...(node.children ?? []).map((child) => part(child, figures)));
    return element;
  }

  Object.assign(explorer, {
    made,

    /* A panel as a section: its title, its reading and its content. */
    panelElement({ name, title, reading, content, figures }) {
      const heading = made("h2", { text: title, id: `${name}-title` });
      const words = reading ? [made("p", { className: "reading", text: reading })] : [];
      const parts = content.map((node) => part(node, figures));
      const more = { className: `panel ${name}-panel`, "aria-labelledby": heading.id };
      return made("section", more, heading, ...words, ...parts);
    },
  });
})();
