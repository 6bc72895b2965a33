/* The page's address: its fragment holds the question and the panels' settings. Written here when a store changes; read
   when the page is opened, and when the person goes back, forward or to another link. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  let visits = 0;
  let defaults = null;      // of the settings; they are left out of the address
  let history = "replace";  // or "push": what the next writing does

  const link = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const visited = () => ({ hash: location.hash, visit: ++visits });

  addEventListener("popstate", () => dash.set_props("address", { data: visited() }));

  Object.assign(explorer, {
    openAddress: visited,

    /* Let the next writing be a step of the browser's history. */
    addStep() { history = "push"; },

    /* The selection that the address names for this prompt: undefined if it names none, null if it is of another. */
    linkedSelection(prompt) {
      const { model = prompt.model, text = prompt.text, start, select } = link();
      const same = model === prompt.model && text === prompt.text
        && (select === undefined || (start === "1") === prompt.start);
      return same ? select : null;
    },

    readSettings() {
      const { outputs_list, states_list } = dash.callback_context;
      const [values, options] = ["value", "options"].map((property) => Object.fromEntries(
        states_list.filter((state) => state.property === property).map(({ id, value }) => [id, value])));
      defaults = defaults || values;
      const asked = link();
      // A link to a text alone (an example) keeps the settings.
      const whole = asked.select !== undefined || !explorer.shown();
      return outputs_list.map(({ id }) => {
        const known = options[id] ? options[id].some((option) => option.value === asked[id]) : asked[id] !== undefined;
        const wanted = known ? asked[id] : whole ? defaults[id] : values[id];
        return wanted === values[id] ? dash.no_update : wanted;
      });
    },

    writeAddress(prompt, selection) {
      if (!prompt || !selection) return;
      const written = new URLSearchParams({ model: prompt.model, text: prompt.text });
      if (prompt.start) written.set("start", "1");
      written.set("select", selection);
      for (const { id, property, value } of dash.callback_context.inputs_list) {
        if (property === "value" && defaults && value !== defaults[id]) written.set(id, value);
      }
      const hash = `#${written}`;
      if (hash !== location.hash) window.history[`${history}State`](null, "", hash);
      history = "replace";
    },
  });
})();
