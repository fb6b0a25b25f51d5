// One feed: how it stands, its runs, its sites, what changed, and where a listing went.

import * as api from "./api.js";
import { confirm, facts, h, say, section, table } from "./dom.js";
import { back } from "./feeds.js";
import { age, badge, due, lasting, many, moment, number, signed, stateName, when } from "./format.js";
import { callout, runLink } from "./run.js";
import { chart, legend } from "./spark.js";

const show = (error) => h("p", { class: "problem", role: "alert" }, error.message);

async function act(question, done, refresh) {
  const made = await confirm(question);
  if (!made) return;
  say(done(made.answer));
  refresh();
}

// A run that was asked for here is awaited so long.
const AWAITED = 10 * 60_000;

function actions(feed, refresh, asked) {
  const paused = feed.paused || feed.state === "disabled";
  return h("div", { class: "actions" },
    h("button", { type: "button", class: "plain", onclick: () => act({
      title: "Run again", verb: "Run now",
      lines: [`A new run of ${feed.feed} begins now. It asks the MLS, and publishes what it proves.`],
      act: () => api.rerun(feed.feed),
    }, (run) => { asked(run); return `The run ${run.run} was asked for.`; }, refresh) }, "Run again"),
    paused
      ? h("button", { type: "button", class: "plain", onclick: () => act({
        title: `Resume ${feed.mls}`, verb: "Resume",
        lines: [`Feeds of ${feed.mls} are reconciled again when they are due. What the registry disables stays disabled.`],
        act: () => api.resume("mls", feed.mls),
      }, () => `${feed.mls} is reconciled again.`, refresh) }, `Resume ${feed.mls}`)
      : h("button", { type: "button", class: "plain", onclick: () => act({
        title: `Pause ${feed.mls}`, verb: "Pause", field: "Reason, for the next operator",
        lines: [`No feed of ${feed.mls} is reconciled until somebody resumes it. Published lists stay, and grow old.`],
        act: (reason) => api.pause("mls", feed.mls, reason),
      }, () => `${feed.mls} is paused.`, refresh) }, `Pause ${feed.mls}`));
}

function sites(feed, refresh) {
  if (!feed.clients.length) return h("p", { class: "muted" }, "No client has this feed.");
  const button = (client) => h("button", { type: "button", class: "plain small", onclick: () => (client.enabled
    ? act({
      title: `Pause ${client.client}`, verb: "Pause", field: "Reason, for the next operator",
      lines: [`Nothing is reconciled for ${client.client} alone until somebody resumes it, in no feed. A feed that another client has goes on.`],
      act: (reason) => api.pause("clients", client.client, reason),
    }, () => `${client.client} is paused.`, refresh)
    : act({
      title: `Resume ${client.client}`, verb: "Resume",
      lines: [`Feeds of ${client.client} are reconciled again when they are due.`],
      act: () => api.resume("clients", client.client),
    }, () => `${client.client} is reconciled again.`, refresh)) }, client.enabled ? "Pause" : "Resume");
  return table("Last acknowledgement of each site",
    [["Client"], ["Said"], ["Version"], ["Has", "num"], ["Not in list", "num"], ["Took down", "num"], ["Waiting there"], ["Error"], ["Do", "right"]],
    feed.clients.map((client) => [
      h("span", {}, client.client, client.site && h("span", { class: "sub" }, client.site), !client.enabled && h("span", { class: "sub" }, "disabled")),
      when(client.ack?.at), client.ack?.version === feed.version && feed.version ? "current" : client.ack?.version,
      number(client.ack?.local_total), number(client.ack?.missing), number(client.ack?.removed),
      client.ack?.held == null ? null : client.ack.held === true ? "yes" : String(client.ack.held), client.ack?.error, button(client)]));
}

function copiesTable(copies) {
  return table("Copies of the records",
    [["State"], ["Replication"], ["Destination"], ["Last pass"], ["Outcome"], ["Position", "num"], ["Has all up to"], ["Proved"], ["Found"], ["Why"]],
    copies.map((copy) => [badge(copy.state), copy.replication, copy.destination, when(copy.last_pass?.ended_at), copy.last_pass?.outcome,
      number(copy.position), when(copy.settled_at), when(copy.proof?.at), found(copy.proof),
      copy.error ? `${copy.why}: ${copy.error.message} ${copy.advice}` : copy.why]));
}

function found(proof) {
  if (!proof) return null;
  if (proof.outcome !== "differs") return proof.outcome.replace("_", " ");
  return `${number(proof.missing)} missing, ${number(proof.stale)} stale, ${number(proof.extra)} extra, ${number(proof.mended)} mended`;
}

function runsTable(runs) {
  if (!runs.length) return h("p", { class: "muted" }, "No runs yet.");
  return table("Runs, newest first",
    [["State"], ["Run"], ["Began"], ["Took", "num"], ["Live", "num"], ["Came", "num"], ["Went", "num"], ["Asked by key", "num"], ["Requests", "num"], ["Throttled", "num"], ["Why"]],
    runs.map((run) => [run.superseded_by ? h("span", { class: "badge disabled", title: `by ${run.superseded_by}` }, "○ Superseded") : badge(run.state), runLink(run.run), when(run.started_at),
      run.finished_at ? lasting((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000) : "–",
      number(run.live), number(run.added), number(run.removed), number(run.confirmed), number(run.requests), number(run.throttled), run.why]));
}

function whyTold(told) {
  const change = (name, one) => one && [name, h("span", {}, one.at ? moment(one.at) : one.version, one.run && [" by ", runLink(one.run)],
    one.confirmed_by && ` (${{ key: "the MLS was asked for it", scan: "a further scan did not see it", operator: "an operator approved its removal" }[one.confirmed_by] ?? one.confirmed_by})`)];
  return h("div", { class: `card ${told.live ? "on_time" : ""}` },
    h("p", {}, h("b", {}, told.key), " ", h("span", { class: `badge ${told.live ? "on_time" : "disabled"}` }, told.live ? "● live" : "○ not live")),
    h("p", {}, told.summary),
    facts([change("Came", told.came), change("Went", told.went),
      told.waiting && ["Waiting", h("span", {}, runLink(told.waiting.run), ` (${told.waiting.reason})`)]].filter(Boolean)),
    told.snapshots.length > 0 && h("div", { class: "versions", role: "img", "aria-label": `In ${told.snapshots.filter((v) => v.has).length} of ${many(told.snapshots.length, "version")}` },
      told.snapshots.map((v) => h("span", { class: v.has ? "has" : "", title: `${v.version}: ${v.has ? "has it" : "has it not"}` }))),
    told.sites.length > 0 && table("What the sites know", [["Client"], ["Said"], ["Version"], ["Knows"]],
      told.sites.map((site) => [site.client, when(site.at), site.version, site.knows ? "yes" : "not yet"])));
}

function diffTold(told) {
  const list = (title, keys, count) => h("div", {}, h("h3", {}, `${title}: ${number(count)}`),
    keys.length > 0 && h("textarea", { readonly: true, rows: String(Math.min(10, keys.length)), "aria-label": `${title}: keys`, spellcheck: "false" }, keys.join("\n")),
    keys.length < count && h("p", { class: "muted" }, `The first ${number(keys.length)}; livelist diff has them all.`));
  return h("div", { class: "card" }, h("p", { class: "muted" }, `${told.from} → ${told.to}`),
    h("div", { class: "two" }, list("Came", told.added, told.added_count), list("Went", told.removed, told.removed_count)));
}

function questions(id, feed) {
  const answer = h("div", { "aria-live": "polite" });
  const input = h("input", { type: "search", id: "search", autocomplete: "off", spellcheck: "false", required: true, maxlength: "1020", placeholder: "Key  ( / )", "aria-label": "Key of a listing" });
  const ask = async (into, what, told) => {
    into.setAttribute("aria-busy", "true");
    try { into.replaceChildren(told(await what())); } catch (error) { into.replaceChildren(show(error)); }
    into.removeAttribute("aria-busy");
  };
  const where = h("form", { class: "ask", role: "search", onsubmit: (e) => { e.preventDefault(); const asked = input.value.trim(); if (asked) ask(answer, () => api.why(id, asked), whyTold); } },
    input, h("button", { type: "submit", class: "primary" }, "Why"));
  const sequence = Number(feed.version?.split("-").pop() ?? 0);
  const from = h("input", { type: "text", id: "from", size: "12", autocomplete: "off", list: "versions", value: sequence > 1 ? String(sequence - 1) : "" });
  const to = h("input", { type: "text", id: "to", size: "12", autocomplete: "off", list: "versions", value: sequence ? String(sequence) : "" });
  const changed = h("div", { "aria-live": "polite" });
  const days = h("datalist", { id: "versions" });
  const between = h("form", { class: "ask", onsubmit: (e) => { e.preventDefault(); ask(changed, () => api.diff(id, from.value.trim(), to.value.trim()), diffTold); } },
    h("label", { for: "from" }, "From"), from, h("label", { for: "to" }, "to"), to,
    days,
    h("button", { type: "submit", class: "primary" }, "Compare"));
  return { input, days, element: [
    section("Where is a listing?", where, answer),
    section("What changed?", h("p", { class: "muted" }, "Versions by their number, or a day: the last version of that day."), between, changed)] };
}

export function open(root, { id, status, refresh }) {
  const head = h("div");
  const figures = h("div");
  const runs = h("div", {}, h("p", { class: "muted" }, "Loading …"));
  const clients = h("div");
  const copies = h("div");
  let known = null;
  let asked = null;
  // The run that was asked for on this page, until it has ended.
  let awaited = null;
  const note = h("p", { class: "asked", role: "status" });
  root.append(h("p", { class: "crumbs" }, h("a", { href: back() }, "Feeds"), " / feed"), head, note);

  function wait(run) {
    awaited = { run: run.run, until: Date.now() + AWAITED };
    note.replaceChildren(run.started ? `The run ${run.run} was asked for.` : `The run ${run.run} was started already.`);
  }

  function follow(last) {
    if (!awaited || last?.run !== awaited.run) return;
    const link = runLink(last.run);
    if (!last.finished_at) return void note.replaceChildren("The run ", link, " is under way.");
    note.replaceChildren("The run ", link, ` ended: ${stateName(last.state)}.`);
    awaited = null;
  }

  async function load() {
    try {
      const { runs: known } = await api.runs(id, 30);
      runs.replaceChildren(runsTable(known));
      const drawn = chart(known);
      figures.replaceChildren(...(drawn ? [drawn, legend()] : []));
      const days = new Set(known.map((run) => run.run.slice(0, 10)));
      asked.days.replaceChildren(...[...days].map((day) => h("option", { value: day })));
    } catch (error) {
      runs.replaceChildren(show(error));
    }
  }

  function update(next) {
    const feed = next.feeds.find((one) => one.feed === id);
    if (!feed) {
      if (!known) head.replaceChildren(h("h1", { tabindex: "-1" }, id), h("p", { class: "empty" }, "The registry has no such feed."));
      return;
    }
    follow(feed.last_run);
    const first = !known;
    const kept = (next.copies ?? []).filter((copy) => copy.mls === feed.mls && copy.resources.includes(feed.resource));
    const text = JSON.stringify([feed, kept]);
    if (known === text) return;
    known = text;
    const title = first ? h("h1", { tabindex: "-1" }, id) : head.querySelector("h1");
    head.replaceChildren(h("div", { class: "title" }, title, badge(feed.state), actions(feed, refresh, wait)),
      feed.why || feed.advice ? callout(feed.state, feed.why, feed.advice) : "",
      facts([["MLS", feed.mls], ["Provider", feed.provider], ["Resource", feed.resource], ["Filter", feed.filter],
        ["Live", number(feed.live)], ["The MLS counts", feed.counted == null ? null : number(feed.counted)],
        ...feed.clients.filter((client) => client.ack?.local_total != null).slice(0, 5).map((client) => [`${client.client} has`, number(client.ack.local_total)]), ["Last change", feed.change == null ? null : `${signed(feed.change)} (${number(feed.added)} came, ${number(feed.removed)} went)`],
        ["Version", feed.version], ["As of", feed.as_of && moment(feed.as_of)], ["Age", feed.as_of && when(feed.as_of, age)],
        ["Next run", feed.next_run_at && when(feed.next_run_at, due)], ["Credential", feed.credential], ["Last run", feed.last_run && h("span", {}, runLink(feed.last_run.run), " ", badge(feed.last_run.state))]]));
    clients.replaceChildren(sites(feed, refresh));
    copies.replaceChildren(kept.length ? section("Copies", copiesTable(kept)) : "");
    if (first) {
      asked = questions(id, feed);
      root.append(figures, ...asked.element, section("Runs", runs), section("Sites", clients), copies);
    }
    load();
  }

  update(status);
  return { title: id, update, soon: () => awaited !== null && Date.now() < awaited.until, get search() { return asked?.input; }, up: back() };
}
