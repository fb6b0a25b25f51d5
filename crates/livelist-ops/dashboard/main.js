// Who looks, at which view, and that what is shown is fresh.

import * as api from "./api.js";
import { h, hold, say } from "./dom.js";
import * as feed from "./feed.js";
import * as feeds from "./feeds.js";
import { clock, isUtc, lasting, many, setUtc } from "./format.js";
import * as held from "./held.js";
import * as run from "./run.js";
import * as schedule from "./schedule.js";

const EVERY = 30_000;
// While a view waits for something that was asked for.
const SOON = 2_000;
// What is older than this is shown as what it was, and looked at again at once.
const OLD = 60_000;
const VIEWS = { feeds, feed, run, held, schedule };

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const troubles = document.getElementById("troubles");
const findings = document.getElementById("findings");
const fresh = document.getElementById("fresh");
const heldCount = document.getElementById("held-count");
const chrome = [document.getElementById("nav"), document.getElementById("tools")];

let status = null;
let heard = 0;
let view = null;
let asking = null;
let timer = 0;

function close() {
  view?.close?.();
  view = null;
  main.replaceChildren();
}

function signIn(problem) {
  api.forget();
  close();
  clearTimeout(timer);
  status = null;
  banner.hidden = true;
  findings.hidden = true;
  troubles.hidden = true;
  for (const one of chrome) one.hidden = true;
  document.title = "Livelist";
  const told = h("p", { class: "problem", role: "alert", hidden: !problem }, problem ?? "");
  const input = h("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "key-hint" });
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  main.append(h("form", { class: "sign-in", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    told.hidden = true;
    api.keep(input.value.trim());
    try {
      await look(true);
      begin();
      // The form is gone, and the focus with it.
      hold();
    } catch (error) {
      api.forget();
      told.textContent = error.status === 401
        ? "This key is not valid. It may be wrong, expired or revoked; a site key does not open this page." : error.message;
      told.hidden = false;
      button.disabled = false;
      input.select();
    }
  } }, h("h1", {}, "Livelist"), h("label", { for: "key" }, "Admin key"), input,
  h("p", { class: "muted", id: "key-hint" }, "Made by ", h("code", {}, "livelist keys add --admin NAME"), ". It stays in this tab until you sign out or close it."),
  told, button));
  input.focus();
}

/** Asks how the feeds stand; at first what is `known` will do, for it is there at once. */
async function look(known) {
  const told = await api.status(known);
  if (!api.key()) return;
  status = told.status;
  heard = Date.now() - told.age;
}

const isOld = () => Date.now() - heard > OLD;

function begin() {
  for (const one of chrome) one.hidden = false;
  route();
  if (isOld()) refresh();
  else again();
  settle();
}

/** What is wrong with the machine: a disk that is full. */
function trouble() {
  const found = status.troubles ?? [];
  const text = found.join(" ");
  if (troubles.textContent.trim() !== text) {
    troubles.querySelector("ul").replaceChildren(...found.map((one) => h("li", {}, one)));
    if (text) say(text);
  }
  troubles.hidden = !found.length;
}

/** What is wrong with the registry: file, field and remedy of each fault. */
function warn() {
  const found = status.findings ?? [];
  const summary = findings.querySelector("summary");
  const text = found.length ? `The registry has ${many(found.length, "fault")}. What is wrong is not run.` : "";
  if (summary.textContent !== text) {
    summary.textContent = text;
    if (text) say(text);
  }
  findings.querySelector("ul").replaceChildren(...found.map((finding) => h("li", {}, finding)));
  if (findings.hidden && found.length) findings.querySelector("details").open = found.length <= 3;
  findings.hidden = !found.length;
}

function told() {
  trouble();
  warn();
  const count = status.feeds.filter((one) => one.state === "held").length;
  heldCount.textContent = count ? String(count) : "";
  heldCount.setAttribute("aria-label", count ? `${count} waiting` : "");
}

function route() {
  if (!status) return;
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const known = Object.hasOwn(VIEWS, name) ? name : "feeds";
  let id = "";
  try { id = decodeURIComponent(rest.join("/")); } catch { /* what cannot be read names nothing */ }
  const from = view;
  close();
  main.className = known;
  scrollTo(0, 0);
  view = VIEWS[known].open(main, { id, params: new URLSearchParams(query), status, refresh: () => refresh() });
  document.title = `${view.title} – Livelist`;
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.view === known) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  told();
  if (!from) return;
  // Where the reader is now has to be where the eyes are.
  if (view.settle?.() === undefined && document.activeElement === document.body) main.querySelector("h1")?.focus();
}

function settle() {
  const age = (Date.now() - heard) / 1000;
  const ago = `${lasting(age)} ago`;
  fresh.textContent = !heard ? "" : asking && isOld() ? `As of ${ago}, looking …` : `Updated ${age < 5 ? "now" : ago}`;
  fresh.title = heard ? clock(heard) : "";
}

function again() {
  clearTimeout(timer);
  timer = setTimeout(refresh, view?.soon?.() ? SOON : EVERY);
}

function refresh() {
  // One at a time: an answer that was asked for earlier must not overwrite a later one.
  asking ??= load().finally(() => { asking = null; again(); });
  return asking;
}

async function load() {
  if (!api.key()) return;
  try {
    await look(false);
    if (!api.key()) return;
    banner.hidden = true;
    view?.update?.(status);
    told();
    settle();
  } catch (error) {
    if (error.status === 401) return void signIn("The key is no longer valid. It has expired or was revoked.");
    const since = heard ? ` What is shown is as of ${clock(heard)}.` : "";
    const text = `${error.message}${since} The next try follows in ${EVERY / 1000} seconds.`;
    if (banner.textContent !== text || banner.hidden) banner.textContent = text;
    banner.hidden = false;
  }
}

async function start() {
  if (!api.key()) return signIn();
  main.replaceChildren(h("p", { class: "empty" }, "Loading …"));
  try {
    await look(true);
  } catch (error) {
    if (error.status === 401) return signIn("The key is no longer valid. It has expired or was revoked.");
    main.replaceChildren(h("div", { class: "empty" }, h("p", {}, h("b", {}, error.message)),
      h("button", { type: "button", class: "primary", onclick: start }, "Try again")));
    return undefined;
  }
  return begin();
}

addEventListener("hashchange", route);
setInterval(settle, 5_000);
document.addEventListener("visibilitychange", () => { if (!document.hidden && status && Date.now() - heard > EVERY) refresh(); });
document.getElementById("refresh").addEventListener("click", async () => { await refresh(); if (banner.hidden) say("Updated."); });
document.getElementById("leave").addEventListener("click", () => signIn());
document.getElementById("zone").addEventListener("click", (event) => {
  setUtc(!isUtc());
  event.currentTarget.setAttribute("aria-pressed", String(isUtc()));
  route();
});
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !view || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !typing && view.search) {
    event.preventDefault();
    view.search.focus();
    view.search.select();
  } else if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (view.up) location.hash = view.up;
  } else if (!typing && event.target.closest?.("#feeds, button, a, dialog") === null) {
    // Nothing else wants the key.
    view.key?.(event);
  }
});

start();
