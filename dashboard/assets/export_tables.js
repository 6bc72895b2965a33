/* The dialog with a panel's numbers. Its cells are texts of visitors and of tokenizers, so none is read as HTML. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};

  function made(kind, attributes, ...children) {
    const element = Object.assign(document.createElement(kind), attributes);
    element.append(...children);
    return element;
  }

  function table({ name, caption, columns, rows }) {
    const kind = (n) => (columns[n].isNumber ? "number" : "");
    const heads = columns.map((column, n) => made("th", { scope: "col", className: kind(n) }, column.name));
    const body = rows.map((row) => made("tr", {}, ...row.map((cell, n) =>
      made("td", { className: kind(n), dir: "auto" }, cell))));
    return made("table", {}, made("caption", {}, made("strong", {}, name), ` ${caption}`),
      made("thead", {}, made("tr", {}, ...heads)), made("tbody", {}, ...body));
  }

  explorer.showTables = (shown) => {
    if (!shown) return;
    const body = document.getElementById("export-body");
    body.replaceChildren(made("h3", {}, shown.title), ...shown.tables.map(table));
    explorer.openDialog("export-dialog");
  };
})();
