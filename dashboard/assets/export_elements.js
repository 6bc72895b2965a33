/* What a panel shows, as elements of one SVG group: figures are copied as they are drawn, words become text, and the 3D
   scene is drawn once more with more pixels. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const picture = explorer.picture = explorer.picture || {};
  const PIXELS = 3;  // of the 3D scene, for one pixel of the page
  const LEFT_OUT = "button.quiet-button, select, input, textarea, label, summary, details:not([open]), .visually-hidden, "
    + ".summary-steps, .continuation-choices, .webgl-note";
  const UNSEEN = ".hoverlayer, .zoomlayer, .draglayer, .dragcover, .modebar-container, .scene-outline";
  const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "visibility"];
  const pen = document.createElement("canvas").getContext("2d");
  const isClear = (color) => /^(transparent|rgba\(.*, 0\))$/.test(color);

  /* Collects elements, and the box that they cover together. */
  class Content {
    constructor() {
      this.group = picture.element("g", {});
      this.box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
      this.gradients = 0;
    }

    add(name, attributes, text) {
      this.group.append(typeof name === "string" ? picture.element(name, attributes, text) : name);
    }

    cover({ left, top, right, bottom }) {
      const { box } = this;
      Object.assign(box, { left: Math.min(box.left, left), top: Math.min(box.top, top) });
      Object.assign(box, { right: Math.max(box.right, right), bottom: Math.max(box.bottom, bottom) });
    }
  }

  /* A figure's layer. Styles of the page's own sheets, which the file does not have, are written into the copy. */
  function addSvg(content, svg, rect) {
    const copy = svg.cloneNode(true);
    if (!svg.matches(".main-svg")) {
      const copies = [...copy.querySelectorAll("*")];
      [...svg.querySelectorAll("*")].forEach((one, n) => {
        if (one.hasAttribute("style") || one.closest(".annotation, .infolayer")) return;
        const style = getComputedStyle(one);
        for (const name of PAINT) copies[n].style.setProperty(name, style.getPropertyValue(name));
      });
    }
    copy.querySelectorAll(UNSEEN).forEach((one) => one.remove());
    copy.querySelectorAll("image").forEach((image) => { image.style.imageRendering = "pixelated"; });
    copy.removeAttribute("style");
    const { width, height } = rect;
    for (const [name, value] of Object.entries({ x: rect.left, y: rect.top, width, height, overflow: "visible" })) {
      copy.setAttribute(name, value);
    }
    content.add(copy);
    content.cover(rect);
  }

  /* The 3D scene's pixels, more of them than the page has. */
  function drawnLarge(plot, canvas) {
    const own = Object.values(plot._fullLayout).map((part) => part?._scene).find((one) => one?.glplot?.canvas === canvas);
    if (!own) return canvas.toDataURL();
    const { glplot } = own;
    if (glplot.contextLost || glplot.gl.isContextLost()) throw new Error("the browser has dropped the 3D scene");
    const { pixelRatio } = glplot;
    glplot.pixelRatio = PIXELS;
    try {
      return own.toImage("png");
    } finally {
      glplot.pixelRatio = pixelRatio;
      glplot.redraw();
    }
  }

  function addCanvas(content, canvas, rect) {
    const href = drawnLarge(canvas.closest(".js-plotly-plot"), canvas);
    const { left: x, top: y, width, height } = rect;
    content.add("image", { href, x, y, width, height, preserveAspectRatio: "none" });
    content.cover(rect);
  }

  /* The lines of a text as they are broken on the page: words and rectangle of each. */
  function linesOf(node) {
    const range = document.createRange();
    const found = [];
    let offset = 0;
    for (const letter of node.data) {
      range.setStart(node, offset);
      range.setEnd(node, offset += letter.length);
      const rect = range.getBoundingClientRect();
      if (!rect.width && /\s/.test(letter)) continue;  // it is not drawn
      const last = found.at(-1);
      if (last && Math.abs(last.top - rect.top) < 2) {
        last.text += letter;
        [last.left, last.right] = [Math.min(last.left, rect.left), Math.max(last.right, rect.right)];
      } else found.push({ text: letter, left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom });
    }
    return found.filter(({ text }) => text.trim());
  }

  function addText(content, node) {
    const style = getComputedStyle(node.parentElement);
    pen.font = style.font;
    const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = pen.measureText("x");
    for (const line of linesOf(node)) {
      content.add("text", {
        x: (line.left + line.right) / 2,  // its middle, since it may run in either direction
        y: (line.top + line.bottom + ascent - descent) / 2,
        "text-anchor": "middle", fill: style.color, direction: style.direction, "xml:space": "preserve",
        "font-family": style.fontFamily, "font-size": style.fontSize, "font-weight": style.fontWeight,
        "font-style": style.fontStyle, "text-decoration": style.textDecorationLine,
      }, line.text);
      content.cover(line);
    }
  }

  /* What an element's background is painted with; null if with nothing. */
  function paintOf(content, { backgroundColor, backgroundImage }) {
    const stops = [...backgroundImage.matchAll(/(rgba?\([^)]*\))(?: ([\d.]+)%)?/g)];
    if (!backgroundImage.startsWith("linear-gradient") || stops.length < 2) {
      return isClear(backgroundColor) ? null : backgroundColor;
    }
    const id = `ground-${content.gradients++}`;
    const gradient = picture.element("linearGradient", { id });
    stops.forEach(([, color, at], n) => {
      gradient.append(picture.element("stop", { offset: `${at ?? (100 * n) / (stops.length - 1)}%`, "stop-color": color }));
    });
    content.add(gradient);
    return `url(#${id})`;
  }

  function addBox(content, style, { left, top, right, bottom }) {
    const paint = paintOf(content, style);
    const size = { x: left, y: top, width: right - left, height: bottom - top };
    const round = { rx: parseFloat(style.borderTopLeftRadius) || 0 };
    if (paint) content.add("rect", { ...size, ...round, fill: paint });
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
      width: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
      stroke: style[`border${side}Color`], dash: style[`border${side}Style`] === "dashed" ? "4 3" : "none",
    }));
    const paints = ({ width, stroke, dash }) => ({ fill: "none", stroke, "stroke-width": width, "stroke-dasharray": dash });
    if (sides.every(({ width }) => width)) content.add("rect", { ...size, ...round, ...paints(sides[0]) });
    else if (sides[0].width) content.add("path", { d: `M${left},${top}H${right}`, ...paints(sides[0]) });
    else if (sides[2].width) content.add("path", { d: `M${left},${bottom}H${right}`, ...paints(sides[2]) });
    if (paint || sides.some(({ width }) => width)) content.cover({ left, top, right, bottom });
  }

  function addNode(content, node) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data.trim()) addText(content, node);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches(LEFT_OUT)) return;
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return;
    const rect = node.getBoundingClientRect();
    if (node.localName === "svg") {
      if (rect.width && rect.height) addSvg(content, node, rect);
    } else if (node.localName === "canvas") addCanvas(content, node, rect);
    else {
      if (rect.width && rect.height) addBox(content, style, rect);
      // The 3D scene's canvas is behind the labels, whatever their order in the document.
      const [behind, above] = [true, false].map((is) =>
        [...node.childNodes].filter(({ localName }) => (localName === "canvas") === is));
      [...behind, ...above].forEach((child) => addNode(content, child));
    }
  }

  /* A group with all that the panel's body shows, in the page's coordinates, and the box that it covers. Nothing is
     painted while the panel is laid out without scroll bars, since all of it happens at once. */
  picture.contentOf = (panel) => {
    const content = new Content();
    panel.classList.add("in-picture");
    try {
      panel.querySelector(".panel-body").childNodes.forEach((node) => addNode(content, node));
    } finally {
      panel.classList.remove("in-picture");
    }
    const { left, top, right, bottom } = content.box;
    if (right < left) throw new Error("the panel shows nothing");
    return { content: content.group, box: { left, top, width: right - left, height: bottom - top } };
  };
})();
