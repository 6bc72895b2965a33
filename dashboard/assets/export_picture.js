/* The picture of a panel as one SVG document: its title and reading, what it shows, and a caption, on solid ground. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const picture = explorer.picture = explorer.picture || {};
  const template = document.createElement("template");
  template.innerHTML = "<svg></svg>";
  const { namespaceURI: NS } = template.content.firstChild;
  const [EDGE, GAP, LEAST] = [20, 12, 420];  // around everything, between its parts; the least width
  const MENUS = ".panel-tools > select, :is(.panel-tools > .choice, .panel-more .choice, .panel-body .choice) select";
  const MOST_LETTERS = 240;                  // of a text in the caption
  const pen = document.createElement("canvas").getContext("2d");
  // What XML cannot hold, escaped or not.
  const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

  const wordsOf = (id) => document.getElementById(id)?.textContent.trim() ?? "";

  const shortened = (text) => {
    const letters = [...text.replace(/\s+/g, " ")];
    return letters.length > MOST_LETTERS ? `${letters.slice(0, MOST_LETTERS - 1).join("")}…` : letters.join("");
  };

  /* Text in lines of at most so many pixels; a word that is longer is broken. */
  function lines(text, font, width) {
    pen.font = font;
    const found = [];
    let line = "";
    for (const word of text.split(/(?<= )/)) {
      for (const piece of pen.measureText(word).width > width ? [...word] : [word]) {
        if (line && pen.measureText((line + piece).trimEnd()).width > width) {
          found.push(line.trimEnd());
          line = "";
        }
        line += piece;
      }
    }
    return [...found, line.trimEnd()].filter(Boolean);
  }

  /* The values of the panel's controls, in their own words. */
  function settings(panel) {
    const shown = [...panel.querySelectorAll(MENUS)].filter((menu) => getComputedStyle(menu).display !== "none");
    return shown.map((menu) => {
      const { textContent: label } = panel.querySelector(`label[for="${menu.id}"]`);
      const words = menu.selectedOptions[0]?.text ?? menu.value;
      return words.toLowerCase().startsWith(label.toLowerCase()) ? words : `${label}: ${words}`;
    });
  }

  function caption(panel) {
    const [prompt, other] = [explorer.prompt(), explorer.second()];
    const side = { a: "A", b: "B", difference: "A − B" }[explorer.side()];
    const quoted = ({ text }) => `“${shortened(text)}”`;
    const facts = [
      `${other ? "Model of A" : "Model"}: ${prompt.model}`,
      ...(other ? [`Model of B: ${other.model}`, `Shown: ${side}`] : []),
      `Selection: ${panel.dataset.selection}`,
      ...settings(panel),
    ];
    const texts = other ? [`Text of A: ${quoted(prompt)}`, `Text of B: ${quoted(other)}`] : [`Text: ${quoted(prompt)}`];
    return [facts.join(" · "), ...texts, document.title];
  }

  function element(name, attributes, text) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /* Lines of words below each other; gives the y below them. */
  function write(root, texts, { y, width, size, weight = 400, fill, family, height = 1.4 * size }) {
    const all = texts.flatMap((text) => lines(text, `${weight} ${size}px ${family}`, width));
    all.forEach((line, n) => {
      const at = { x: EDGE, y: y + n * height + size, "font-size": size, "font-weight": weight, fill };
      root.append(element("text", { ...at, "font-family": family, direction: "ltr" }, line));
    });
    return y + all.length * height;
  }

  picture.element = element;

  explorer.pictureOf = (panel) => {
    const style = getComputedStyle(document.documentElement);
    const [surface, text, quiet] = ["--surface", "--text", "--quiet"].map((name) => style.getPropertyValue(name));
    const family = getComputedStyle(document.body).fontFamily;
    const name = panel.id.replace(/-panel$/, "");
    const [title, reading] = [wordsOf(`${name}-title`), wordsOf(`${name}-reading`)];
    const { content, box } = picture.contentOf(panel);
    const width = Math.ceil(Math.max(LEAST, box.width));
    const root = element("svg", { width: 0, height: 0, role: "img" });
    root.append(element("title", {}, title), element("desc", {}, reading));
    const ground = element("rect", { width: "100%", height: "100%", fill: surface });
    root.append(ground);
    let y = write(root, [title], { y: EDGE, width, size: 16, weight: 600, fill: text, family });
    if (reading) y = write(root, [reading], { y: y + 4, width, size: 13, fill: quiet, family });
    content.setAttribute("transform", `translate(${EDGE - box.left} ${y + GAP - box.top})`);
    root.append(content);
    y += GAP + box.height + GAP;
    y = write(root, caption(panel), { y, width, size: 11, fill: quiet, family });
    const size = { width: width + 2 * EDGE, height: Math.ceil(y + EDGE) };
    root.setAttribute("width", size.width);
    root.setAttribute("height", size.height);
    root.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    return { text: new XMLSerializer().serializeToString(root).replace(FORBIDDEN, "\ufffd"), ...size };
  };
})();
