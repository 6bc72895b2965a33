/* Session files: named views of the page, each with a note, as versioned JSON. dashboard/snapshot/sessions.py reads the same
   files; a test compares what both say about damaged ones. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const [FORMAT, VERSION] = ["LLM Architecture Explorer session", 1];
  const [MAX_VIEWS, MAX_BYTES] = [200, 2e6];
  const TOO_LARGE = "The session is larger than 2 MB, the largest that can be opened.";
  const MAX_LENGTHS = { name: 200, note: 2000, address: 200000, fingerprint: 64 };

  const isRecord = (data) => typeof data === "object" && data !== null && !Array.isArray(data);

  function readView(data, number) {
    const view = { note: "", fingerprint: "", ...(isRecord(data) ? data : {}) };
    return Object.fromEntries(Object.entries(MAX_LENGTHS).map(([field, most]) => {
      const value = view[field];
      if (typeof value !== "string" || !value.isWellFormed()) {
        throw new Error(`The session is damaged: view ${number} has no ${field}, or not as text.`);
      }
      if (value.length > most) {
        const limit = most.toLocaleString("en");
        throw new Error(`The ${field} of view ${number} has more than ${limit} characters.`);
      }
      return [field, value];
    }));
  }

  function readViews(views) {
    if (!Array.isArray(views)) throw new Error("The session is damaged: it has no list of views.");
    if (views.length > MAX_VIEWS) {
      throw new Error(`The session has ${views.length} views; at most ${MAX_VIEWS} can be opened.`);
    }
    return views.map((view, at) => readView(view, at + 1));
  }

  function parse(text) {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error("The file is damaged or not a session: it is not JSON.");
    }
  }

  Object.assign(explorer, { sessions: {
    MAX_VIEWS, MAX_BYTES, MAX_LENGTHS, TOO_LARGE,

    /* The views of a session file; throws an Error whose message says what is wrong. */
    read(text) {
      if (new Blob([text]).size > MAX_BYTES) throw new Error(TOO_LARGE);
      const data = parse(text);
      if (!isRecord(data) || data.format !== FORMAT) throw new Error("The file is not a session of this page.");
      if (data.version !== VERSION) {
        const version = (JSON.stringify(data.version) ?? "null").slice(0, 20);
        throw new Error(`The session has version ${version}; this page reads version ${VERSION}. `
          + "Open it with the version of the program that saved it.");
      }
      return readViews(data.views);
    },

    /* The text of a session file; throws an Error if `read` would refuse it. */
    write(views) {
      const text = JSON.stringify({ format: FORMAT, version: VERSION, views: readViews(views) }, null, 1);
      if (new Blob([text]).size > MAX_BYTES) {
        throw new Error("The views would be larger than 2 MB together, the most that can be kept.");
      }
      return text;
    },
  } });
})();
