/* Boxes of the 3D scene under the mouse or a finger: their names, their outline and the selection that they stand for.
   Everything is worked out from the geometry of the frame that is on the screen. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const ENDS = { embedding: "Token embedding", norm: "Final norm", output: "Output" };
  const LAYERS = { attention: " · attention", mlp: " · MLP" };
  const template = document.createElement("template");
  template.innerHTML = "<svg><polygon></polygon></svg>";
  const outline = template.content.querySelector("polygon");
  let meshes = null;     // of the frame `meshesOf`
  let meshesOf = null;
  let marked = null;     // the box with an outline
  let isPressed = false;

  function boxes(plot) {
    if (meshesOf !== scene.frame) {
      meshesOf = scene.frame;
      const isMesh = ({ type, visible, hoverinfo }) => type === "mesh3d" && visible === true && hoverinfo !== "skip";
      meshes = plot._fullData.filter(isMesh).map((trace) => scene.projectMesh(trace, meshesOf));
    }
    return meshes;
  }

  /* The selection text of a box: its own, or its neuron in the trace's template. */
  function selectionOf({ trace: { customdata, meta }, box }) {
    const own = customdata?.[box];
    if (typeof own === "string") return own;
    if (!meta?.select || own === undefined) return null;
    return explorer.fillIn(meta.select, { block: Math.floor(box / meta.per_block), neuron: own });
  }

  function nameOf(text) {
    const { part, block, head } = explorer.parseSelection(text) ?? {};
    if (block === undefined) return "";
    if (block === null) return ENDS[part] ?? "";
    return `Block ${block}` + (head === null ? LAYERS[part] ?? "" : ` · head ${head}`);
  }

  /* Name, value and unit. The values came with the colours. */
  function wordsOf({ trace, box }) {
    const value = trace.meta?.values?.[box] ?? null;
    const name = Array.isArray(trace.hovertext) ? trace.hovertext[box] : nameOf(selectionOf({ trace, box }));
    return name + (value === null ? "" : `: ${value} ${trace.meta.unit}`);
  }

  Object.assign(scene, {
    selectionOf,

    /* After new data: the boxes may be others. */
    refreshBoxes(plot) {
      meshesOf = null;
      if (!marked) return;
      const trace = plot._fullData[marked.trace.index];
      if (trace?.x?.length === marked.trace.x.length) marked = { trace, box: marked.box };
      else scene.mark(plot, null);
    },

    /* The box at a point of the window, or one that is within so many pixels. */
    boxAt(plot, { clientX, clientY }, reach) {
      if (!scene.frame || !scene.ownOf(plot)) return null;
      const { left, top } = scene.ownOf(plot).container.getBoundingClientRect();
      return scene.pick(boxes(plot), clientX - left, clientY - top, reach);
    },

    /* Outline a box and name it, or none. finger: where the box is touched, if it is. */
    mark(plot, found, { pressed = false, finger } = {}) {
      [marked, isPressed] = [found, pressed];
      explorer.showTip(found ? wordsOf(found) : "", finger);
      explorer.highlightToken(found && selectionOf(found));
      plot.classList.toggle("over-box", Boolean(found && selectionOf(found)));
      scene.drawOutline(plot);
    },

    drawOutline(plot) {
      const own = scene.ownOf(plot);
      if (!marked || !own || !scene.frame) { outline.remove(); return; }
      const points = scene.outlineOf(marked, scene.frame).map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`);
      outline.setAttribute("points", points.join(" "));
      outline.setAttribute("class", isPressed ? "scene-outline pressed" : "scene-outline");
      own.svgContainer.append(outline);
    },
  });
})();
