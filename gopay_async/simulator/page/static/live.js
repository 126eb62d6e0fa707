// Replaces what has changed, as the server draws it. Without it the page is as it was when it was loaded.
"use strict";
for (const place of document.querySelectorAll("[data-live]")) {
  const events = new EventSource(place.dataset.live);
  events.onmessage = (event) => {
    const active = document.activeElement;
    const id = place.contains(active) ? active.id : "";
    place.innerHTML = event.data;
    if (id) document.getElementById(id)?.focus({ preventScroll: true });
    place.dataset.drawn = String(Number(place.dataset.drawn || 0) + 1);
  };
  addEventListener("pagehide", () => events.close());
}
