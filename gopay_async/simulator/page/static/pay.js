// Tells the bridge how the payment ended, when this page is the sheet of a mini-app.
"use strict";
const result = document.querySelector("[data-result]")?.dataset.result;
if (result && window.parent !== window) {
  window.parent.postMessage({ gopay: "launchPayment", status: result }, "*");
}
