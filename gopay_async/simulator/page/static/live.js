// Replaces what has changed, as the server draws it, and sends forms without leaving the place on the page.
// Without this file the page is as it was when it was loaded, and every form works all the same.
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

  place.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.dataset.again) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const response = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    // Anything but the redirection back is for people to read: let the browser ask again, and show it.
    if (response?.type === "opaqueredirect") return;
    form.dataset.again = "yes";
    form.requestSubmit(event.submitter);
  });
}
