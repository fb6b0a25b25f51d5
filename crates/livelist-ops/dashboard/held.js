// Every result that waits for a person, with its numbers.

import * as api from "./api.js";
import { h } from "./dom.js";
import { many, when } from "./format.js";
import { callout, decisions, listings, numbers, runLink } from "./run.js";

const AT_ONCE = 4;

export function open(root, { status, refresh }) {
  const lead = h("p", { class: "muted" });
  const list = h("div", { class: "cards" });
  root.append(h("h1", { tabindex: "-1" }, "Held"), lead, list);
  const cards = new Map();

  async function fill(feed, card) {
    const again = () => { card.known = null; refresh(); };
    try {
      const run = await api.run(feed.last_run.run);
      card.element.replaceChildren(
        h("h2", {}, h("a", { href: `#/feed/${encodeURIComponent(feed.feed)}` }, feed.feed)),
        h("p", { class: "muted" }, runLink(run.run), ", ", when(run.finished_at ?? run.started_at)),
        callout("held", run.held?.reason ?? feed.why, run.held?.advice ?? feed.advice), feed.pause && h("p", { class: "muted" }, `Paused: ${feed.pause}. No run looks again until it is resumed.`) || "", numbers(run) ?? "", listings(run) ?? "", decisions(run, again) ?? "");
    } catch (error) {
      card.known = null;
      card.element.replaceChildren(h("h2", {}, feed.feed), h("p", { class: "problem" }, error.message));
    }
  }

  async function update(next) {
    const held = next.feeds.filter((feed) => feed.state === "held" && feed.last_run);
    lead.textContent = held.length ? `${many(held.length, "result")} ${held.length === 1 ? "waits" : "wait"}. The lists that are published stay until somebody decides or a later run proves more.`
      : "Nothing waits for a decision.";
    for (const [id, card] of cards) {
      if (!held.some((feed) => feed.feed === id)) { card.element.remove(); cards.delete(id); }
    }
    const todo = [];
    for (const feed of held) {
      let card = cards.get(feed.feed);
      if (!card) {
        card = { element: h("article", { class: "card held" }, h("h2", {}, feed.feed), h("p", { class: "muted" }, "Loading …")), known: null };
        cards.set(feed.feed, card);
      }
      if (!card.element.isConnected) list.append(card.element);
      if (card.known !== feed.last_run.run) { card.known = feed.last_run.run; todo.push([feed, card]); }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let one = todo.shift(); one; one = todo.shift()) await fill(...one);
    }));
  }

  update(status);
  return { title: "Held", update, up: "#/feeds" };
}
