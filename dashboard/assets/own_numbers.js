/* A person's own numbers as colours of scene and overview: the dialog, and what of the numbers is sent. They are kept in
   the tab's session storage, and never become part of the address. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const KEY = "own-numbers", OWN = "own", OPENING = "attribution";
  const MENUS = ["architecture-color", "overview-color"];
  const SHOWN_FAULTS = 5;
  let kept = stored();  // {file, packed}, or null
  let sent = null;      // what the store holds, which changes only with its contents
  let coloring = null;  // that is chosen
  let nRead = 0, nReading = 0;

  function stored() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      return null;
    }
  }

  function keep(numbers) {
    kept = numbers;
    try {
      if (numbers) sessionStorage.setItem(KEY, JSON.stringify(numbers));
      else sessionStorage.removeItem(KEY);
    } catch {}  // full, or forbidden: the numbers then end with the page
    dash.set_props("architecture-own-read", { data: ++nRead });
    dash.set_props("own-numbers-forget", { hidden: !numbers });
  }

  const element = (type, children, className) => (
    { type, namespace: "dash_html_components", props: { children, ...(className && { className }) } });

  /* Say something in the dialog. */
  function say(...children) { dash.set_props("own-numbers-found", { children }); }

  function words({ file, packed: { kind, n_given, n_blocks, n_units } }) {
    const [given, all] = [n_given, n_blocks * n_units].map((n) => n.toLocaleString("en"));
    return `${file}: ${given} of ${all} ${kind}s ${n_given === 1 ? "has" : "have"} a number.`;
  }

  function sayFaults(file, faults, isCut) {
    const more = faults.length - SHOWN_FAULTS;
    const rest = more > 0 ? `${isCut ? "At least" : "And"} ${more} more. ${isCut ? "The rest was not read." : ""}` : "";
    say(
      element("P", `${file} cannot be used. ${kept ? "The numbers before it stay." : ""}`, "own-numbers-fault"),
      element("Ul", faults.slice(0, SHOWN_FAULTS).map((fault) => element("Li", fault))),
      ...(rest ? [element("P", rest)] : []));
  }

  function open() {
    say(...(kept ? [element("P", words(kept))] : []));
    dash.set_props("own-numbers-forget", { hidden: !kept });
    dash.set_props("own-numbers", { is_open: true });
  }

  async function read(file) {
    const sizes = explorer.prompt();
    if (!sizes?.n_blocks) {
      say(element("P", "The sizes of this model are not known yet. Try again once it is shown."));
      return;
    }
    const number = ++nReading;
    const isNewest = () => number === nReading;
    const { packed, faults, isCut } = await explorer.readOwnNumbers(file, sizes, (share) => {
      if (isNewest()) say(element("P", `Reading ${file.name}: ${Math.round(100 * Math.min(share, 1))} %`));
    });
    if (!isNewest()) return;
    if (faults) {
      sayFaults(file.name, faults, isCut);
      return;
    }
    keep({ file: file.name, packed });
    say(element("P", words(kept)));
    dash.set_props(MENUS[0], { value: OWN });
    dash.set_props("own-numbers", { is_open: false });
  }

  function choose() {
    const input = Object.assign(document.createElement("input"), { type: "file", accept: ".csv,.tsv,.txt,text/csv" });
    input.addEventListener("change", () => { if (input.files[0]) read(input.files[0]); });
    input.click();
  }

  function forget() {
    nReading += 1;
    if (coloring === OWN) dash.set_props(MENUS[0], { value: OPENING });
    keep(null);
    say(element("P", "The numbers are forgotten."));
  }

  /* A file with a row for each head or neuron of the model that is shown, and no values. */
  function download(kind) {
    const { model, n_blocks, n_heads, n_neurons } = explorer.prompt();
    const units = [...Array(kind === "head" ? n_heads : n_neurons).keys()];
    const rows = Array.from({ length: n_blocks }, (_, block) => units.map((unit) => `${block},${unit},\n`).join(""));
    const table = new Blob([`block,${kind},value\n`, ...rows], { type: "text/csv" });
    explorer.saveFile(table, `${model.replace(/[^\w.-]+/g, "-")}-${kind}s.csv`);
  }

  const fits = ({ kind, n_blocks, n_units }, prompt) => Boolean(prompt) && n_blocks === prompt.n_blocks
    && n_units === (kind === "head" ? prompt.n_heads : prompt.n_neurons);

  Object.assign(explorer, {
    /* What the server needs: nothing unless the numbers are the colours, and of numbers for another model the sizes. */
    sendOwnNumbers(chosen, prompt, other) {
      const isOwn = chosen === OWN;
      coloring = chosen;
      document.querySelectorAll(".own-numbers-open").forEach((button) => { button.hidden = !isOwn; });
      if (isOwn && !kept) {
        explorer.notice("The colours of this link are somebody’s own numbers, which are not part of a link. "
          + "The colours are direct attribution instead. To see your own, choose them under “Colour by”.");
        dash.set_props(MENUS[0], { value: OPENING });
      }
      let wanted = null;
      if (isOwn && kept && prompt) {
        const { kind, n_blocks, n_units, n_given } = kept.packed;
        const isHere = [prompt, other].some((one) => fits(kept.packed, one));
        wanted = isHere ? kept.packed : { kind, n_blocks, n_units, n_given };
      }
      if (JSON.stringify(wanted) === JSON.stringify(sent)) return dash.no_update;
      sent = wanted;
      return sent;
    },
  });

  /* In the capture phase: without numbers, the menu never learns of the choice and keeps the colouring that it shows. */
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (!MENUS.includes(target.id) || target.value !== OWN || kept) return;
    event.stopPropagation();
    target.value = coloring;
    open();
  }, true);

  document.addEventListener("click", ({ target }) => {
    if (target.closest("#own-numbers-choose")) choose();
    if (target.closest("#own-numbers-forget")) forget();
    if (target.closest("[data-open-dialog='own-numbers']")) open();
    const kind = target.closest("[data-template]")?.dataset.template;
    if (kind) download(kind);
  });
})();
