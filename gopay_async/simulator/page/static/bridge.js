// window.gpContainer as the GoPay app gives it to mini-apps: call(module, method, params, onSuccess, onError).
// Styles go through the CSSOM, so that it works under a strict Content-Security-Policy.
"use strict";
(() => {
  const base = new URL(document.currentScript.src).origin;
  const failure = (code, message) => ({
    success: false,
    error_code: code,
    error_type: "JS_BRIDGE_ERROR",
    error_message: message,
    ret: "GP_EXCEPTION",
  });
  const success = (data) => ({ success: true, data, ret: "GP_SUCCESS" });

  // Hears one answer of a frame from the simulator, and nothing from anybody else.
  function hear(frame, topic, heard) {
    const listen = (event) => {
      if (event.origin !== base || event.source !== frame.contentWindow || event.data?.gopay !== topic) return;
      heard(event.data);
    };
    addEventListener("message", listen);
    return () => removeEventListener("message", listen);
  }

  function getAuthCode(params, done, failed) {
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.title = "Bridge";
    frame.src = base + "/_simulator/bridge";
    const stop = hear(frame, "getAuthCode", (told) => {
      stop();
      frame.remove();
      if (told.authCode) done(success({ authCode: told.authCode }));
      else failed(failure("300", "Permission denied"));
    });
    document.body.append(frame);
  }

  function launchPayment(params, done, failed) {
    const query = /^gopay:\/\/merchanttransfer\?(.+)$/.exec(params?.deeplink ?? "")?.[1];
    if (!query) {
      failed(failure("300", "Permission denied"));
      return;
    }
    const sheet = document.createElement("dialog");
    sheet.setAttribute("aria-label", "GoPay payment");
    Object.assign(sheet.style, { width: "min(26rem, 94vw)", padding: "0", border: "0", borderRadius: "14px" });
    const back = document.createElement("button");
    back.type = "button";
    back.textContent = "← Back to the mini-app";
    back.className = "gopay-back";
    Object.assign(back.style, { margin: "0.6rem", minHeight: "2.6rem" });
    const frame = document.createElement("iframe");
    frame.title = "Payment page";
    frame.src = base + "/gopay-pay?" + query + "&sheet=1";
    Object.assign(frame.style, { display: "block", width: "100%", height: "min(30rem, 70vh)", border: "0" });
    sheet.append(back, frame);
    // Who goes back without an end has cancelled nothing; the app calls that "cancelled" all the same.
    let status = "cancelled";
    const stop = hear(frame, "launchPayment", (told) => {
      status = told.status;
      sheet.close();
    });
    back.addEventListener("click", () => sheet.close());
    sheet.addEventListener("close", () => {
      stop();
      sheet.remove();
      done(success({ status }));
    });
    document.body.append(sheet);
    sheet.showModal();
  }

  const methods = { "GPMiniAppAuth.getAuthCode": getAuthCode, "GP.launchPayment": launchPayment };
  window.gpContainer = {
    call(module, method, params, done, failed) {
      const known = methods[module + "." + method];
      if (known) known(params, done, failed);
      else failed(failure("300", "Permission denied"));
    },
  };
})();
