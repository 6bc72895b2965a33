/* Labels of the 3D scene: which are shown. Plotly draws them anew in each frame, over each other if they are close. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const GAP_PX = 2;  // at least, between two labels

  /* The rectangle of an element inside the scene's box. */
  function rectangle(plot, element) {
    const box = scene.ownOf(plot).container.getBoundingClientRect();
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { left: left - box.left, top: top - box.top, right: right - box.left, bottom: bottom - box.top };
  }

  const overlap = (a, b) => a.left < b.right + GAP_PX && b.left < a.right + GAP_PX
    && a.top < b.bottom + GAP_PX && b.top < a.bottom + GAP_PX;

  function elementOf(plot, index) {
    return plot.querySelector(`.annotation-scene[data-index="${index}"] .annotation-text`);
  }

  Object.assign(scene, {
    barsOf: (plot) => [...plot.querySelectorAll(".colorbar")].map((bar) => rectangle(plot, bar))
      .filter(({ left, right }) => right > left),

    /* The labels that are drawn, hidden or not, with the most important first: as `meta.labels` ranks them (smaller is
       more important), else in their order. around: the pixels that the text takes, from the point that it labels. */
    labelsOf(plot) {
      const { annotations } = scene.ownOf(plot).fullSceneLayout;
      const ranks = plot.layout.meta?.labels ?? [];
      const labels = annotations.map((label, index) => ({ label, index, element: elementOf(plot, index) }))
        .filter(({ label, element }) => label.visible && label.text && element);
      labels.sort((a, b) => (ranks[a.index] ?? a.index) - (ranks[b.index] ?? b.index));
      return labels.map(({ label, element }) => {
        const place = rectangle(plot, element);
        const [x, y] = scene.project(scene.frame, label.x, label.y, label.z);
        const around = { left: place.left - x, top: place.top - y,
          width: place.right - place.left, height: place.bottom - place.top };
        return { label, element, place, around };
      });
    },

    /* Hide each label that is cut off, or lies over a more important one or the colour bar. */
    thinLabels(plot) {
      const { width, height } = scene.sizeOf(plot);
      if (!height) return;  // another dock has the whole page
      const shown = scene.barsOf(plot);
      for (const { element, place } of scene.labelsOf(plot)) {
        const isInside = place.left >= 0 && place.top >= 0 && place.right <= width && place.bottom <= height;
        const isShown = isInside && !shown.some((other) => overlap(other, place));
        element.style.visibility = isShown ? "" : "hidden";
        if (isShown) shown.push(place);
      }
    },
  });
})();
