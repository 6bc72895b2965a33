/* The text field: the number of its tokens, which follows typing, and the mark of a text that is edited and not analysed
   (`text-edited` on the root element; `without-weights` while the model cannot read it). Only the server has the
   tokenizer, so it counts when the typing pauses. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const PAUSE_MS = 300;
  let typed = null;  // {text, prompt}: the newest edit, and the prompt that was analysed then
  let edit = 0;      // its number
  let timer = null;

  function words(n_tokens, most, text) {
    const count = `${n_tokens} of ${most} tokens`;
    if (n_tokens > most) return `${count}: ${n_tokens - most} too many`;
    return text.trim() ? count : `${count}, only white space`;
  }

  /* Ask for the number of tokens once nothing more is typed. */
  function countLater(text, prompt) {
    const { model, start, chat } = prompt;
    typed = { text, prompt };
    edit += 1;
    clearTimeout(timer);
    // Half a character cannot be sent.
    if (!text || !text.isWellFormed()) return;
    timer = setTimeout(() => dash.set_props("typed", { data: { model, text, start, chat, edit } }), PAUSE_MS);
  }

  explorer.showCount = (value, prompt, counted) => {
    const text = value ?? "";
    const isEdited = Boolean(prompt) && text !== prompt.text;
    document.documentElement.classList.toggle("text-edited", isEdited);
    document.documentElement.classList.toggle("without-weights", Boolean(prompt) && !prompt.n_positions);
    if (!prompt) return "";
    if (!isEdited) {
      clearTimeout(timer);
      typed = null;
      return prompt.n_positions ? words(prompt.n_positions, prompt.most, text) : "";
    }
    if (text !== typed?.text || prompt !== typed.prompt) countLater(text, prompt);
    if (!text) return "Empty, not analysed";
    if (counted?.edit !== edit) return `… of ${prompt.most} tokens, not analysed`;
    return counted.problem || `${words(counted.n_tokens || "?", prompt.most, text)}, not analysed`;
  };

  /* A field unfolds while it has the focus. What is below it moves when it folds, and so it folds only after the click
     that takes the focus away. */
  let isPressed = false;
  const fold = () => document.querySelectorAll(".question-field.unfolded:not(:focus-within)").forEach((field) => {
    field.classList.remove("unfolded");
    field.querySelector(".question-text").scrollTop = 0;
  });
  addEventListener("focusin", ({ target }) => target.closest(".question-field")?.classList.add("unfolded"));
  addEventListener("focusout", () => { if (!isPressed) setTimeout(fold); });
  addEventListener("mousedown", () => { isPressed = true; }, true);
  for (const end of ["mouseup", "dragend"]) {
    addEventListener(end, () => {
      isPressed = false;
      setTimeout(fold);  // after the click
    }, true);
  }
})();
