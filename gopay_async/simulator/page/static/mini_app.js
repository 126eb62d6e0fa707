// A mini-app as its developer writes it: it knows window.gpContainer and its own backend, and no simulator.
"use strict";
const show = (id, text) => { document.getElementById(id).textContent = text; };

function note(text, told) {
  const line = document.createElement("li");
  const code = document.createElement("code");
  code.textContent = JSON.stringify(told, (key, value) => (key === "authCode" ? value.slice(0, 6) + "…" : value));
  line.append(text + " ", code);
  document.getElementById("log").append(line);
}

async function backend(path, body) {
  const response = await fetch("/_simulator/shop" + path, body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await response.json();
  if (!response.ok) throw new Error(told.error);
  return told;
}

// As the document of the mini-app payment has it.
function convertToGoPayDeepLink(url) {
  const params = new URL(url).search;
  return `gopay://merchanttransfer${params}`;
}

let account = "";

function login() {
  window.gpContainer.call("GPMiniAppAuth", "getAuthCode", {}, async (response) => {
    note("getAuthCode", response);
    try {
      account = (await backend("/login", { authCode: response.data.authCode })).accountId;
      show("who", "Logged in as " + account);
      document.getElementById("reward").disabled = false;
    } catch (problem) {
      show("who", "Not logged in: " + problem.message);
    }
  }, (error) => note("getAuthCode failed", error));
}

async function buy() {
  show("status", "…");
  show("order", "nothing yet");
  let made;
  try {
    made = await backend("/orders", { amount: "25000" });
  } catch (problem) {
    show("status", "no payment: " + problem.message);
    return;
  }
  const params = { deeplink: convertToGoPayDeepLink(made.webRedirectUrl) };
  note("launchPayment", params);
  window.gpContainer.call("GP", "launchPayment", params, (response) => {
    note("success", response);
    show("status", response.data.status);
    confirm(made.order);
  }, (error) => {
    note("error", error);
    show("status", "error " + error.error_code);
  });
}

// What the sheet says is a hint. What counts is what the backend was told, and verified.
async function confirm(order) {
  for (let tried = 0; tried < 20; tried += 1) {
    const told = await backend("/orders/" + encodeURIComponent(order));
    show("order", told.paid ? `${told.order} is paid` : `${told.order} is not paid`);
    if (told.paid) return;
    await new Promise((again) => setTimeout(again, 250));
  }
}

async function reward() {
  try {
    const told = await backend("/rewards", { accountId: account });
    show("who", "1.000 coins given: " + told.paymentId);
  } catch (problem) {
    show("who", "No coins: " + problem.message);
  }
}

document.getElementById("login").addEventListener("click", login);
document.getElementById("buy").addEventListener("click", buy);
document.getElementById("reward").addEventListener("click", reward);
