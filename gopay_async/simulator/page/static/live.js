// Replaces what has changed, as the server draws it, and sends forms without leaving the place on the page.
// Without this file the page is as it was when it was loaded, and every form works all the same.
"use strict";
const controls = (place) => [...place.querySelectorAll("a, button, input")];

for (const place of document.querySelectorAll("[data-live]")) {
  const events = new EventSource(place.dataset.live);
  events.onmessage = (event) => {
    // What has not changed stays, and with it the place of whoever uses the keyboard.
    const fresh = document.createElement("div");
    fresh.innerHTML = event.data;
    if (fresh.innerHTML.trim() === place.innerHTML.trim()) return;
    const active = document.activeElement;
    const at = controls(place).indexOf(active);
    place.innerHTML = event.data;
    const again = (at >= 0 && active.id && document.getElementById(active.id)) || controls(place)[at];
    again?.focus({ preventScroll: true });
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
