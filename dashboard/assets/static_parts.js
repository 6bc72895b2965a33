/* The static parts of the page, which are templates in its document (layouts/static_parts.py), at their places. */
(function () {
  "use strict";
  const missing = new Set();
  const observer = new MutationObserver(fill);

  function fill() {
    for (const place of document.querySelectorAll("[data-static]:empty")) {
      place.append(document.getElementById(`static-${place.dataset.static}`).content.cloneNode(true));
      missing.delete(place.dataset.static);
    }
    if (!missing.size) observer.disconnect();
  }

  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("template[id^=static-]").forEach(({ id }) => missing.add(id.slice("static-".length)));
    observer.observe(document.body, { childList: true, subtree: true });
    fill();
  });
})();
