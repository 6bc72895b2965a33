/* Export of the whole view. A report is made here, of the viewer's files and plotly.js, which the browser has already,
   and of what the server has drawn, so that only that is sent. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  // Nothing but what is in the file: no request can be made.
  const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";
  let nAsked = 0;

  const plotly = () => window._dashPlotlyJSURL;
  const asset = (name) => {
    const { requests_pathname_prefix: prefix } = JSON.parse(document.getElementById("_dash-config").textContent);
    return `${prefix}assets/${name}`;
  };

  async function text(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.text();
  }

  /* A viewer's file, which is in its own folder or among the page's. */
  function source(name) {
    if (name.startsWith("plotly")) return text(plotly());
    return text(asset(name.startsWith("viewer") ? `viewer/${name}` : name));
  }

  /* No text in a script ends it, or begins a comment or another script. */
  const inScript = (code) => code.replace(/<(?=!--|\/?script)/gi, "\\x3c");
  const asJson = (data) => JSON.stringify(data).replace(/</g, "\\u003c");

  async function inlined(element, tag) {
    const inside = document.createElement(tag);
    const code = await source(element.getAttribute("src") ?? element.getAttribute("href"));
    inside.textContent = tag === "script" ? inScript(code) : code;
    element.replaceWith(inside);
  }

  async function reportOf(views) {
    const page = new DOMParser().parseFromString(await source("viewer.html"), "text/html");
    page.querySelector("meta[http-equiv=Content-Security-Policy]").content = POLICY;
    page.title = views.title;
    await Promise.all([
      ...[...page.querySelectorAll("script[src]")].map((element) => inlined(element, "script")),
      ...[...page.querySelectorAll("link[rel=stylesheet]")].map((element) => inlined(element, "style"))]);
    const data = document.createElement("script");
    Object.assign(data, { type: "application/json", id: "views", textContent: asJson(views) });
    page.body.prepend(data);
    return `<!DOCTYPE html>\n${page.documentElement.outerHTML}\n`;
  }

  const save = (name, content, type) => explorer.saveFile(new Blob([content], { type }), name);

  Object.assign(explorer, {
    askForExport() {
      const kind = dash.callback_context.triggered_id.replace("export-", "");
      document.getElementById("export-menu").open = false;
      return { kind, address: explorer.currentAddress(), n: ++nAsked };
    },

    async saveExport(made) {
      if (!made) return;
      const { kind, name, content } = made;
      try {
        if (kind === "report") save(name, await reportOf(content), "text/html");
        else save(name, JSON.stringify(content, null, 1), "application/x-ipynb+json");
      } catch {
        explorer.notice("The file could not be made: the server did not answer. Try again.");
      }
    },
  });
})();
