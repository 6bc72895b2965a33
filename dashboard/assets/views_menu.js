/* The menu "Views": copies a link, and keeps the visitor's own views: a list in the browser's storage, which is saved as
   a file and opened from one. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const byId = (id) => document.getElementById(id);
  const KEY = "llm-architecture-explorer.views";
  const UNREAD = `${KEY}.unread`;  // where views are left that this version of the page cannot read
  const NOT_STORED = "This browser could not store the views: its storage is full or forbidden. They are lost when the "
    + "page is closed, so save them as a file.";
  const { sessions } = explorer;
  let own = [];
  let before = null;   // the views that "Undo" brings back
  let editing = null;  // the view whose name and note are being edited
  let opened = -1;     // the number of the view that the bar shows

  function say(words) {
    byId("views-said").textContent = words;
    document.querySelector("#views-menu [data-views=undo]").hidden = !before;
  }

  function store(text) {
    try {
      localStorage.setItem(KEY, text);
    } catch {
      explorer.notice(NOT_STORED);
    }
  }

  function load() {
    let text = null;
    try {
      text = localStorage.getItem(KEY);
      own = text ? sessions.read(text) : [];
    } catch (error) {
      if (text === null) return;  // storage is forbidden
      try {
        localStorage.setItem(UNREAD, text);
      } catch {}  // full: they stay where they are until the list changes
      say(`The views that this browser has kept cannot be read. ${error.message}`);
    }
  }

  /* Change the list. words: what is said of it. focus: the row and the command that get the focus. Gives whether the
     list is changed: one that could not be read again is refused, with a notice. */
  function change(views, words = "", { undoes = false, focus } = {}) {
    let text;
    try {
      text = sessions.write(views);
    } catch (error) {
      explorer.notice(`Your views stay as they were. ${error.message}`);
      return false;
    }
    before = undoes ? own : null;
    own = views;
    store(text);
    say(words);
    explorer.ownViewsChanged(own);
    draw(focus);
    return true;
  }

  function button(sign, command, about) {
    const element = document.createElement("button");
    Object.assign(element, { type: "button", className: "dock-tool", textContent: sign, title: about, ariaLabel: about });
    element.dataset.views = command;
    return element;
  }

  function field(kind, words, value, limit) {
    const element = document.createElement(kind);
    Object.assign(element, { className: "form-control", value, placeholder: words, ariaLabel: words, maxLength: limit });
    element.dir = "auto";
    return element;
  }

  function editor({ name, note }) {
    const form = document.createElement("form");
    form.className = "views-editor";
    const done = button("Done", "done", "Keep name and note");
    done.className = "quiet-button";
    form.append(field("input", "Name", name, sessions.MAX_LENGTHS.name),
      field("textarea", "Note", note, sessions.MAX_LENGTHS.note), done);
    return form;
  }

  function row(view, number) {
    const element = document.createElement("li");
    element.dataset.number = number;
    if (view === editing) {
      element.append(editor(view));
      return element;
    }
    const open = button(view.name, "show", `Show “${view.name}”`);
    open.className = "views-show";
    open.dir = "auto";
    if (number === opened) open.ariaCurrent = "true";
    const up = button("↑", "up", `Move “${view.name}” up`);
    const down = button("↓", "down", `Move “${view.name}” down`);
    up.disabled = number === 0;
    down.disabled = number === own.length - 1;
    element.append(open, button("✎", "edit", `Name and note of “${view.name}”`), up, down,
      button("✕", "delete", `Delete “${view.name}”`));
    if (view.note) {
      const note = document.createElement("p");
      note.textContent = view.note;
      note.dir = "auto";
      element.append(note);
    }
    return element;
  }

  function draw([number, command] = []) {
    byId("views-list").replaceChildren(...own.map(row));
    byId("views-none").hidden = own.length > 0;
    for (const name of ["save", "clear"]) document.querySelector(`#views-menu [data-views=${name}]`).hidden = !own.length;
    byId("views-list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    if (number === undefined) return;
    const target = byId("views-list").children[number] ?? document.querySelector(".views-tools");
    const focused = target.querySelector(`[data-views=${command}]:not(:disabled), input`)
      ?? target.querySelector("button:not(:disabled)");
    focused.focus();
    if (focused.matches("input")) focused.select();
  }

  /* Keep what has been typed as the name and the note of a view. */
  function finishEditing() {
    const form = document.querySelector(".views-editor");
    if (!form) return;
    const [name, note] = [...form.querySelectorAll(".form-control")].map(({ value }) => value.trim().toWellFormed());
    const [edited, unedited] = [editing, { ...editing }];
    Object.assign(edited, { name: name || edited.name, note });
    editing = null;
    if (change([...own], "", { focus: byId("views-menu").open ? [own.indexOf(edited), "show"] : undefined })) return;
    Object.assign(edited, unedited);
    draw();
  }

  function addView() {
    if (own.length >= sessions.MAX_VIEWS) {
      say(`At most ${sessions.MAX_VIEWS} views are kept. Save these, delete some, and add it then.`);
      return;
    }
    editing = { name: explorer.selectionWords().slice(0, sessions.MAX_LENGTHS.name).toWellFormed(), note: "",
      address: explorer.currentAddress(), fingerprint: explorer.prompt().fingerprint };
    if (!change([...own, editing], "", { focus: [own.length, "edit"] })) editing = null;
  }

  function save() {
    try {
      explorer.saveFile(new Blob([sessions.write(own)], { type: "application/json" }), "views.json");
    } catch (error) {
      say(`The views were not saved. ${error.message}`);
    }
  }

  async function openFile(file) {
    byId("views-menu").open = true;
    try {
      if (file.size > sessions.MAX_BYTES) throw new Error(sessions.TOO_LARGE);
      const views = sessions.read(await file.text());
      if (!views.length) throw new Error("The session has no views.");
      const words = `${views.length} views were opened from ${file.name}.`;
      if (!change(views, words, { undoes: own.length > 0 })) return;
      explorer.openSession({ title: file.name.replace(/\.json$/i, ""), views: own, isOwn: true });
    } catch (error) {
      say(`${file.name} was not opened. ${error.message}`);
    }
  }

  function chooseFile() {
    const input = Object.assign(document.createElement("input"), { type: "file", accept: ".json,application/json" });
    input.addEventListener("change", () => openFile(input.files[0]));
    input.click();
  }

  /* Browsers let pages write to the clipboard only on secure connections; elsewhere the link is shown to be copied. */
  async function copyLink() {
    const link = await explorer.linkToView();
    byId("views-link").replaceChildren();
    try {
      await navigator.clipboard.writeText(link);
      say(`The link is copied (${link.length.toLocaleString("en")} characters).`);
    } catch {
      const shown = field("input", "Link to this view", link, -1);
      shown.readOnly = true;
      byId("views-link").replaceChildren(shown);
      shown.select();
      shown.focus();
      say("The page may not write to the clipboard here. Copy the link from the field.");
    }
  }

  const moved = (views, from, to) => views.with(from, views[to]).with(to, views[from]);

  const COMMANDS = {
    copy: copyLink,
    add: addView,
    save,
    open: chooseFile,
    done: finishEditing,
    clear() { change([], `${own.length} views were deleted.`, { undoes: true, focus: [0, "add"] }); },
    undo() { change(before, "The views are back as they were.", { focus: [0, "show"] }); },
    show(at) {
      byId("views-menu").open = false;
      explorer.openSession({ title: "Your views", views: own, at, isOwn: true });
    },
    edit(at) {
      editing = own[at];
      draw([at, "edit"]);
    },
    up(at) { change(moved(own, at, at - 1), "", { focus: [at - 1, "up"] }); },
    down(at) { change(moved(own, at, at + 1), "", { focus: [at + 1, "down"] }); },
    delete(at) {
      const words = `“${own[at].name}” was deleted.`;
      change(own.toSpliced(at, 1), words, { undoes: true, focus: [Math.min(at, own.length - 2), "delete"] });
    },
  };

  Object.assign(explorer, {
    markOwnView(at) {
      opened = at;
      if (!editing) draw();
    },

    /* Add views to the visitor's own. */
    keepViews(views) {
      const all = [...own, ...views.map((view) => ({ ...view }))];
      if (all.length > sessions.MAX_VIEWS) {
        explorer.notice(`At most ${sessions.MAX_VIEWS} views are kept, and you have ${own.length}. Delete some first.`);
        return false;
      }
      return change(all);
    },
  });

  document.addEventListener("click", ({ target }) => {
    const command = target.closest("#views-menu [data-views]")?.dataset.views;
    if (!command) return;
    if (editing && command !== "done") finishEditing();
    COMMANDS[command](Number(target.closest("li")?.dataset.number));
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".views-editor")) return;
    event.preventDefault();
    finishEditing();
  });

  document.addEventListener("toggle", ({ target }) => {
    if (target.id !== "views-menu" || target.open) return;
    finishEditing();
    before = null;
    byId("views-link").replaceChildren();
    say("");
  }, true);

  /* Another tab has changed the list. */
  addEventListener("storage", ({ key }) => {
    if (key !== KEY || editing) return;
    before = null;  // "Undo" would undo what the other tab did, too
    say("");
    load();
    draw();
    explorer.ownViewsChanged(own);
  });

  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      const file = [...event.dataTransfer.items].find(({ type }) => type === "application/json");
      if (!file) return;
      event.preventDefault();
      if (kind === "drop") openFile(file.getAsFile());
    });
  }

  new MutationObserver((_, observer) => {
    if (!byId("views-list")) return;
    observer.disconnect();
    load();
    draw();
  }).observe(document, { childList: true, subtree: true });
})();
