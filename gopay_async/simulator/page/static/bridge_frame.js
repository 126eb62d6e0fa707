// Fetches an auth code for the page around this one, which may be on another port of this machine.
"use strict";
fetch("/_simulator/auth-code", { method: "POST" })
  .then((response) => response.json())
  .then((told) => window.parent.postMessage({ gopay: "getAuthCode", authCode: told.authCode }, "*"))
  .catch(() => window.parent.postMessage({ gopay: "getAuthCode", authCode: "" }, "*"));
