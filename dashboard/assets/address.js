/* The page's address: its fragment holds the prompt, the selection and the panels' settings. It is written when a store
   changes, and read when the page opens and on back, forward and links. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const SWITCHES = ["start", "chat"];  // of a prompt, on or off
  /* Safari throws after 100 writes in 30 seconds. A burst is written at once, so that clicks are not delayed; while a
     key is held, the newest address is written whenever it is time for one. */
  const [BURST, EVERY_MS] = [10, 400];
  let nOpened = 0;
  /* What a link means that leaves a setting out, where that is not the default, and settings of older links. */
  const LINKS = JSON.parse(document.querySelector("meta[name=link-settings]").content);
  let defaults = null;            // of the settings
  let historyMethod = "replace";  // or "push": of the next write
  let question = null;            // the fragment that was written last, without the workspace's arrangement
  let unwritten = null;           // a fragment that has to wait
  let dueAt = 0;                  // when the next write would be due if all of a burst were spread evenly
  let timer = null;
  let madeWith = {};              // the opened link's model, text and fingerprint, until it is compared with the model's

  /* The settings of a link without any; they are left out of the fragment. */
  const implied = () => ({ ...defaults, ...LINKS.implied });

  /* hash: the fragment; by default that of what is shown. */
  function readFragment(hash = unwritten ?? location.hash) {
    const parts = [...new URLSearchParams(hash.slice(1))];
    return Object.fromEntries(parts.map(([name, value]) => [LINKS.renamed[name] ?? name, value]));
  }

  function openAddress() {
    clearTimeout(timer);
    [unwritten, historyMethod] = [null, "replace"];
    madeWith = readFragment();
    return { hash: location.hash, opened: ++nOpened };  // the count makes the store change for an equal fragment, too
  }

  /* The same, once a packed fragment has been unpacked. */
  async function openUnpacked() {
    clearTimeout(timer);
    const isDamaged = !(await explorer.unpackLocation());
    return { ...openAddress(), isDamaged };
  }

  addEventListener("popstate", async ({ state }) => {
    explorer.showViewOf(state);
    dash.set_props("address", { data: await openUnpacked() });
  });

  function write() {
    clearTimeout(timer);
    const hash = `#${new URLSearchParams({ ...question, ...explorer.arrangement.write() })}`;
    const isNew = hash !== location.hash;
    const wait = dueAt - BURST * EVERY_MS - performance.now();
    unwritten = isNew && wait > 0 ? hash : null;
    if (unwritten) {
      timer = setTimeout(write, wait);
      return;
    }
    if (isNew) {
      dueAt = Math.max(dueAt, performance.now()) + EVERY_MS;
      window.history[`${historyMethod}State`](historyMethod === "push" ? null : window.history.state, "", hash);
    }
    historyMethod = "replace";
  }

  Object.assign(explorer, {
    openAddress, readFragment,

    /* Read the address of a page that has just been opened. session: the one that the server was started with. */
    async openPage(_id, session) {
      if (session) explorer.openServed(session);
      const opened = await openUnpacked();
      explorer.scene.readCamera(readFragment());
      return opened;
    },

    /* The address of what is shown, with the view of the scene, as the fragment without `#`. */
    currentAddress: () => String(
      new URLSearchParams({ ...question, ...explorer.arrangement.write(), ...explorer.scene.writeCamera() })),

    /* Open a link, as a new entry in the browser's history. hash: its fragment. state: of the entry. */
    async openLink(hash, state = null) {
      window.history.pushState(state, "", hash);
      const opened = await openUnpacked();
      explorer.scene.readCamera(readFragment());
      dash.set_props("address", { data: opened });
    },

    /* Write the address after a change of the workspace. */
    rewriteAddress() { if (question) write(); },

    /* Open the question that is shown with some of its parts changed; an empty part is left out. replaces: whether this
       takes the place of the current entry in the browser's history. */
    openChanged(changes, { replaces = false } = {}) {
      const parts = { ...question, ...changes, ...explorer.arrangement.write() };
      const link = Object.entries(parts).filter(([, value]) => value !== "");
      window.history[replaces ? "replaceState" : "pushState"](null, "", `#${new URLSearchParams(link)}`);
      dash.set_props("address", { data: openAddress() });
    },

    /* Open this text with other tokens written after it, their ids with dots between them, at a position. */
    openWritten(written, position, { replaces = false } = {}) {
      const select = explorer.writeSelection({ ...explorer.selection(), position, target: null });
      explorer.openChanged({ written, select }, { replaces });
    },

    /* Make the next write an entry in the browser's history. */
    pushHistory() { historyMethod = "push"; },

    /* The selection that the fragment names for this prompt: undefined if it names none, null if it names another
       prompt. isOpened: whether the prompt is the server's answer to the fragment, perhaps with another model because
       the link's cannot be shown. */
    linkedSelection(prompt, isOpened) {
      const link = readFragment();
      const { model = prompt.model, text = prompt.text, select } = link;
      const shown = prompt.written.join(".");
      const written = link.written ?? (link.text === undefined ? shown : "");
      const agrees = (name) => prompt.fixed.includes(name) || (link[name] === "1") === prompt[name];
      const same = (model === prompt.model ? written === shown : isOpened) && text === prompt.text
        && (select === undefined || SWITCHES.every(agrees));
      return same ? select : null;
    },

    /* What to say if the link was made with other weights under the same name; known once these are in memory. */
    otherWeights(prompt) {
      const { model = prompt.model, text = prompt.text, fingerprint } = madeWith;
      if (!fingerprint || !prompt.fingerprint || model !== prompt.model || text !== prompt.text) return "";
      madeWith = {};
      if (fingerprint === prompt.fingerprint) return "";
      const what = window.history.state?.view === undefined ? "link" : "view";
      return `This ${what} was made with other weights of ${model}; the numbers may differ.`;
    },

    /* Of the link as it was opened: a late answer to the one before may have written its own address since. */
    readSettings({ hash }) {
      const { outputs_list, states_list } = dash.callback_context;
      const [values, options] = ["value", "options"].map((property) => Object.fromEntries(
        states_list.filter((state) => state.property === property).map(({ id, value }) => [id, value])));
      defaults = defaults || values;
      const linked = readFragment(hash);
      const isWhole = linked.select !== undefined;
      if (isWhole && !explorer.wantsOther(linked["compare-text"], linked["compare-model"])) explorer.leaveOther();
      // A link to a text alone keeps the settings.
      const others = isWhole ? implied() : explorer.shown() ? values : defaults;
      return outputs_list.map(({ id }) => {
        const valid = options[id]
          ? options[id].some((option) => option.value === linked[id]) : linked[id] !== undefined;
        const value = valid ? linked[id] : others[id];
        return value === values[id] ? dash.no_update : value;
      });
    },

    writeAddress(prompt, selection) {
      if (!prompt || !selection) return;
      question = { model: prompt.model, text: prompt.text };
      if (prompt.written.length) question.written = prompt.written.join(".");
      for (const name of SWITCHES) if (prompt[name]) question[name] = "1";
      question.select = selection;
      for (const { id, property, value } of dash.callback_context.inputs_list) {
        if (property === "value" && defaults && value !== implied()[id]) question[id] = value;
      }
      write();
    },
  });
})();
