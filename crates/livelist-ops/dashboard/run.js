// One run: what happened, what proves it, and a person's word where it waits.

import * as api from "./api.js";
import { confirm, facts, h, say, section, table } from "./dom.js";
import { badge, clock, lasting, many, moment, number, stateName, when } from "./format.js";

/** A link to a run. */
export const runLink = (run) => h("a", { href: `#/run/${encodeURIComponent(run)}` }, run);

/** Why something is not as it should be, with what to do, and the guide's section on it. */
export function callout(state, why, advice, topic = why) {
  const box = h("div", { class: `callout ${state}` }, why && h("p", {}, h("b", {}, why)), advice && h("p", {}, advice));
  if (!topic || /\s/.test(topic)) return box;
  const more = h("details", { ontoggle: async () => {
    if (!more.open || more.querySelector("dl")) return;
    const items = await api.help(topic);
    more.append(items.length ? facts(items) : h("p", { class: "muted" }, "The guide has no section on this."));
  } }, h("summary", {}, "What this means (docs/operations.md)"));
  box.append(more);
  return box;
}

/** What publishing a held run would do to the list. */
export function outcome(run) {
  if (!run.comparison) return null;
  const { former, live, added, absent } = run.comparison;
  const restored = run.confirmed?.restored ?? 0;
  const removed = Math.max(0, absent - restored);
  return { former: former ?? 0, count: live + restored, added, removed };
}

/** Which listings an approval would take out: a sample, and all of them as a file. */
export function listings(run) {
  const would = outcome(run);
  if (run.state !== "held" || run.held?.superseded_by || !would?.removed) return null;
  const download = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      const url = URL.createObjectURL(await api.removalsFile(run.run));
      h("a", { href: url, download: `${run.run}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch (error) {
      button.after(h("p", { class: "problem", role: "alert" }, error.message));
    }
    button.disabled = false;
  };
  const more = h("details", { class: "listings", ontoggle: async () => {
    if (!more.open || more.dataset.told) return;
    more.dataset.told = "yes";
    try {
      const told = await api.removals(run.run);
      more.append(h("p", {}, `${many(told.count, "listing")} would go; ${number(told.sample.length)} of them, spread over the list:`),
        table("Some listings that would go", [["Key"], ["The MLS's record, for its token"]],
          told.sample.map((one) => [h("code", {}, one.key), one.record && h("a", { href: one.record, rel: "noreferrer noopener", target: "_blank" }, one.record)])),
        h("p", {}, h("button", { type: "button", class: "plain", onclick: download }, "All keys as CSV")));
    } catch (error) {
      delete more.dataset.told;
      more.append(h("p", { class: "problem", role: "alert" }, error.message));
    }
  } }, h("summary", {}, `Which ${many(would.removed, "listing")} would go`));
  return more;
}

async function decide(question, done, refresh) {
  const made = await confirm(question);
  if (!made) return;
  say(done(made.answer));
  refresh();
}

/** The buttons of a held run. */
export function decisions(run, refresh) {
  if (run.state !== "held" || !run.held) return null;
  const by = run.held.superseded_by;
  if (by) return h("p", {}, "Superseded by ", runLink(by), ": that one looked later, and counts.");
  const would = outcome(run);
  const approve = run.held.can_be_approved && would && h("button", { type: "button", class: "primary", onclick: () => decide({
    title: "Publish this result?", danger: would.removed > 0, verb: `Publish ${many(would.count, "key")}`,
    lines: [
      h("span", {}, "The list of ", h("b", {}, run.feed), " goes from ", h("b", {}, number(would.former)), " to ", h("b", {}, many(would.count, "live key")), "."),
      h("span", {}, h("b", {}, number(would.added)), " come, ", h("b", {}, number(would.removed)), " go."),
      would.removed > 0 && `Sites take ${would.removed === 1 ? "this listing" : `these ${number(would.removed)} listings`} down when they next look. It is held because: ${run.held.reason}.`,
    ].filter(Boolean),
    act: () => api.approve(run.run),
  }, (made) => `Published ${made.version ?? "the list"}: ${many(made.count, "key")}, ${number(made.added)} came, ${number(made.removed)} went.`, refresh) }, "Approve …");
  const reject = h("button", { type: "button", class: "plain", onclick: () => decide({
    title: "Reject this result?", verb: "Reject",
    lines: [`The list of ${run.feed} stays as it is. The next run looks again, and nothing of this one counts.`],
    act: () => api.reject(run.run),
  }, () => `The run ${run.run} was rejected; the list stays.`, refresh) }, "Reject …");
  return h("div", { class: "actions" }, approve, reject,
    !run.held.can_be_approved && h("p", { class: "muted" }, "Cannot be approved: its scan is not proved complete. The next run looks again."));
}

/** How far a run is, and the button that ends it. */
export function underWay(run) {
  const { progress } = run;
  if (!progress) return null;
  const of = progress.count ? ` of ${number(progress.count)}` : "";
  return facts([["Does", progress.doing.replaceAll("_", " ")], progress.waits_until && ["Waits until", moment(progress.waits_until)],
    progress.pages > 0 && ["Rows", `${number(progress.rows)}${of}`], progress.pages > 0 && ["Pages", number(progress.pages)],
    progress.rows_a_second && ["Rows a second", number(Math.round(progress.rows_a_second))],
    progress.absent && ["Absent keys asked for", `${number(progress.asked)} of ${number(progress.absent)}`],
    ["Told", moment(progress.at)]].filter(Boolean));
}

function ending(run, refresh) {
  if (run.state !== "running") return null;
  return h("div", { class: "actions" }, h("button", { type: "button", class: "plain", onclick: () => decide({
    title: "Cancel this run?", verb: "Cancel the run",
    lines: [`The run ${run.run} ends without a result. The list of ${run.feed} and the schedule stay.`],
    act: () => api.cancel(run.run),
  }, () => `The run ${run.run} was cancelled.`, refresh) }, "Cancel …"));
}

/** The numbers of a held run, as before and after. */
export function numbers(run) {
  const would = outcome(run);
  return would && facts([["Published now", number(would.former)], ["Would be", number(would.count)],
    ["Would come", number(would.added)], ["Would go", number(would.removed)],
    run.confirmed && ["Asked by key", `${number(run.confirmed.asked)}, ${number(run.confirmed.restored)} live after all`]].filter(Boolean));
}

function evidence(run) {
  if (!run.scans.length) return h("p", { class: "muted" }, "No scan was completed.");
  return table("Scans", [["Scan"], ["Pages", "num"], ["Rows", "num"], ["Keys", "num"], ["MLS counts before", "num"], ["after", "num"], ["End"], ["Doubt"], ["Took", "num"]],
    run.scans.map((scan, i) => [String(i + 1), number(scan.pages), number(scan.rows), number(scan.keys), number(scan.count_before), number(scan.count_after),
      scan.end, scan.doubt ? h("b", { class: "fewer" }, scan.doubt) : "none", scan.ended_at ? lasting((Date.parse(scan.ended_at) - Date.parse(scan.started_at)) / 1000) : null]));
}

function megabytes(bytes) {
  return bytes < 1e6 ? `${number(Math.round(bytes / 1e3))} kB` : `${number(Math.round(bytes / 1e5) / 10)} MB`;
}

export function open(root, { id, refresh }) {
  const box = h("div", {}, h("h1", { tabindex: "-1" }, id), h("p", { class: "muted" }, "Loading …"));
  root.append(box);
  const view = { title: id, up: "#/feeds", update: load };
  let drawn = null;

  function draw(run) {
    view.up = `#/feed/${encodeURIComponent(run.feed)}`;
    const wrong = run.held ? callout(run.state, run.held.reason, run.held.advice)
      : run.error ? callout("failed", run.error.name, `${run.error.message} ${run.error.advice}`) : null;
    const title = box.querySelector("h1");
    const made = [
      h("p", { class: "crumbs" }, h("a", { href: "#/feeds" }, "Feeds"), " / ", h("a", { href: view.up }, run.feed), " / run"),
      h("div", { class: "title" }, title, badge(run.state), decisions(run, () => { refresh(); load(); }), ending(run, () => { refresh(); load(); })),
      wrong, run.state === "running" && underWay(run), run.state === "held" && section("If it is approved", numbers(run), listings(run)),
      facts([["MLS", run.mls], ["Provider", run.provider], ["Resource", run.resource], ["Filter", run.filter], ["Began", moment(run.started_at)],
        ["Took", run.seconds == null ? "–" : lasting(run.seconds)],
        run.decided && [stateName(run.decided.what), `by ${run.decided.by}`], run.error?.step && ["Failed in", run.error.step],
        run.result && run.state !== "held" && ["List after it", `${run.result.version ?? "none"}: ${many(run.result.count, "key")}, ${number(run.result.added)} came, ${number(run.result.removed)} went`]].filter(Boolean)),
      section("Timeline", h("ol", { class: "timeline" }, run.timeline.map((one) => h("li", {}, when(one.at, clock), h("span", {}, one.what))))),
      section("Evidence", evidence(run),
        run.comparison && h("p", {}, run.comparison.former == null
          ? `${number(run.comparison.live)} live; there was no list before.`
          : `${number(run.comparison.live)} live, compared with ${number(run.comparison.former)} before: ${number(run.comparison.added)} new, ${number(run.comparison.absent)} absent.`),
        run.confirmed && h("p", {}, `${number(run.confirmed.asked)} asked for by key, ${number(run.confirmed.restored)} live after all; live controls were ${run.confirmed.controls_found ? "found" : "not found"}.`)),
      section("Requests", facts([["Sent", number(run.traffic.requests)], ["Sent again", number(run.traffic.retries)], ["Throttled", number(run.traffic.throttled)], ["Received", megabytes(run.traffic.bytes)]])),
    ];
    box.replaceChildren(...made.filter(Boolean));
  }

  async function load() {
    try {
      const run = await api.run(id);
      const text = JSON.stringify(run);
      if (text !== drawn) draw(run);
      drawn = text;
    } catch (error) {
      if (!drawn) box.replaceChildren(box.querySelector("h1"), h("p", { class: "problem", role: "alert" }, error.message));
    }
  }

  load();
  return view;
}
