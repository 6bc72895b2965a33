/* The tip: a small label that says what is under the mouse or the finger. */
(function () {
  "use strict";
  const dash = window.dash_clientside = window.dash_clientside || {};
  const explorer = dash.explorer = dash.explorer || {};
  const AWAY_PX = 14;
  const FINGER_PX = 36;
  const tip = document.createElement("div");
  Object.assign(tip, { id: "tip", className: "tip", ariaHidden: "true" });

  function place(x, y) {
    const within = (value, room, size) => Math.max(8, Math.min(value, room - size - 8));
    tip.style.left = `${within(x, innerWidth, tip.offsetWidth)}px`;
    tip.style.top = `${within(y, innerHeight, tip.offsetHeight)}px`;
  }

  Object.assign(explorer, {
    /* Show a text beside the mouse, or above a finger at (x, y); nothing if it is empty. */
    showTip(text, finger) {
      tip.textContent = text;
      tip.classList.toggle("shown", Boolean(text));
      (document.fullscreenElement || document.body).append(tip);
      if (finger) place(finger.x - tip.offsetWidth / 2, finger.y - FINGER_PX - tip.offsetHeight);
    },
  });

  document.addEventListener("mousemove", ({ clientX, clientY }) => place(clientX + AWAY_PX, clientY + AWAY_PX),
    { passive: true });
})();
