/* The 3D scene's drawing: follows Plotly frame by frame, gives it the view, and brings it back after a lost context. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const scene = explorer.scene = explorer.scene || {};
  const LOOK_MS = 50;
  const followed = new WeakSet();  // Plotly's scenes, and what it draws them with

  Object.assign(scene, {
    frame: null,  // what was drawn last

    plot: () => document.querySelector("#architecture-graph .js-plotly-plot"),

    /* Plotly's scene object; undefined while there is only a message. */
    ownOf: (plot) => plot?._fullLayout?.scene?._scene,
  });

  function followFrames(plot, own) {
    const { glplot } = own;
    if (followed.has(glplot)) return;
    followed.add(glplot);
    const draw = glplot.onrender;
    glplot.onrender = () => {
      draw();  // the labels
      scene.frame = scene.frameOf(own);
      scene.thinLabels(plot);
      scene.drawOutline(plot);
    };
  }

  /* Plotly takes the camera from the layout whenever it draws new data. It is given the page's view then, so that
     neither the server's layout nor one that Plotly has kept moves the scene. Marks that have moved begin to glide
     before the next frame. */
  function follow(plot, own) {
    if (followed.has(own)) return;
    followed.add(own);
    const { setViewport, plot: drawData } = own;
    own.plot = function (...given) {
      drawData.apply(own, given);
      scene.glide(plot);
    };
    own.setViewport = function (layout) {
      scene.writeView(plot, layout);
      setViewport.call(own, layout);
      followFrames(plot, own);
    };
    followFrames(plot, own);
    scene.glide(plot);
    own.glplot.redraw();
  }

  function drawn(plot) {
    const own = scene.ownOf(plot);
    if (own?.glplot) {
      follow(plot, own);
      scene.fitIfChanged(plot);
      scene.refreshBoxes(plot);
    } else scene.frame = null;
    plot.classList.add("drawn");
  }

  function watch(plot) {
    scene.listen(plot);
    plot.on("plotly_afterplot", () => drawn(plot));
    drawn(plot);
  }

  explorer.resetView = () => { if (scene.ownOf(scene.plot())) scene.resetView(scene.plot()); };

  /* Plotly starts again with a new canvas as soon as the context is back, which it is only if somebody asks for it. */
  document.addEventListener("webglcontextlost", (event) => {
    if (event.target.closest(".js-plotly-plot")) event.preventDefault();
  }, true);
  document.addEventListener("webglcontextrestored", (event) => {
    if (event.target.closest(".gl-container [id^=scene]")) event.target.remove();
  }, true);

  addEventListener("load", () => {
    if (!explorer.hasWebgl()) return;
    const looking = setInterval(() => {
      if (!scene.plot()?._fullLayout) return;  // Dash draws it later
      clearInterval(looking);
      watch(scene.plot());
    }, LOOK_MS);
  });
})();
