/* The menu entries that save a panel. Pictures are made here; the server, which has the numbers, writes the rest. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const SCALE = 3;               // of a PNG
  const MOST_PIXELS = 16000;     // of a canvas's side, beyond which some browsers draw nothing
  const SIDES = { a: "", b: "_side-b", difference: "_a-minus-b" };

  /* The name of a file: what is shown, in letters, digits and dashes. */
  function fileName(panel) {
    const { part, block, head, neuron, position } = explorer.selection();
    const place = block === null ? part : `block-${block}${head === null && neuron === null ? `-${part}` : ""}`;
    const unit = `${head === null ? "" : `-head-${head}`}${neuron === null ? "" : `-neuron-${neuron}`}`;
    const at = position === null ? "" : `_position-${position}`;
    return `${panel}_${place}${unit}${at}${SIDES[explorer.side()]}`;
  }

  /* An SVG as a PNG of three times its size. */
  async function rasterised({ text, width, height }) {
    const scale = Math.min(SCALE, MOST_PIXELS / width, MOST_PIXELS / height);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height].map((side) => Math.round(side * scale));
    // Some browsers draw the pixels of the picture's own size, and enlarge them.
    const large = text.replace(/width="[^"]*" height="[^"]*"/, `width="${canvas.width}" height="${canvas.height}"`);
    const url = URL.createObjectURL(new Blob([large], { type: "image/svg+xml" }));
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    } finally {
      URL.revokeObjectURL(url);
    }
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (!blob) throw new Error("no memory for the picture");
    return blob;
  }

  async function savePicture(panel, kind) {
    const name = fileName(panel);
    try {
      const picture = explorer.pictureOf(document.getElementById(`${panel}-panel`));
      const blob = kind === "svg" ? new Blob([picture.text], { type: "image/svg+xml" }) : await rasterised(picture);
      explorer.saveFile(blob, `${name}.${kind}`);
      dash.set_props("export-status", { children: `Saved ${name}.${kind}.` });
    } catch (error) {
      explorer.notice(`The picture could not be made (${error.message}). Try again, or reload the page.`);
    }
  }

  document.addEventListener("click", ({ target }) => {
    const { export: kind, panel } = target.closest("[data-export]")?.dataset ?? {};
    if (!kind) return;
    target.closest("details").open = false;
    if (kind === "png" || kind === "svg") savePicture(panel, kind);
    else dash.set_props("export-request", { data: { panel, kind, name: fileName(panel), asked: Date.now() } });
  });
})();
