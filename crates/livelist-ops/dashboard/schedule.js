// Two days on one line for each MLS: the runs of the last 24 hours, and when the next ones are due.

import { h, s } from "./dom.js";
import { absolute, isUtc, lasting, many, stateName } from "./format.js";

const HOUR = 3_600_000;
const [LEFT, WIDTH] = [0, 960];
const SPAN = 24 * HOUR;

const place = (at, now) => LEFT + ((at - now + SPAN) / (2 * SPAN)) * WIDTH;

function hours(now) {
  const marks = [];
  const hour = (at) => (isUtc() ? new Date(at).getUTCHours() : new Date(at).getHours());
  let at = Math.ceil((now - SPAN) / HOUR) * HOUR;
  for (; at <= now + SPAN; at += HOUR) if (hour(at) % 6 === 0) marks.push([at, `${String(hour(at)).padStart(2, "0")}:00`]);
  return marks;
}

function axis(now, marks) {
  // Text of the page, not of the picture: a narrow picture is scaled, and its letters with it.
  const label = (at, text, kind) => {
    const made = h("span", { class: kind }, text);
    made.style.left = `${(place(at, now) / WIDTH) * 100}%`;
    return made;
  };
  return h("div", { class: "axis", "aria-hidden": "true" },
    marks.filter(([at]) => Math.abs(at - now) > 2 * HOUR).map(([at, text]) => label(at, text, /^(00|12)/.test(text) ? "" : "minor")),
    label(now, "now", "now"));
}

function rowOf(mls, feeds, now, marks) {
  const past = feeds.flatMap((feed) => [
    ...feed.recent.map((run) => ({ feed, run: run.run, state: run.state, from: Date.parse(run.started_at), seconds: run.seconds })),
    ...(feed.last_run?.state === "running" ? [{ feed, run: feed.last_run.run, state: "running", from: Date.parse(feed.last_run.started_at), seconds: (now - Date.parse(feed.last_run.started_at)) / 1000 }] : []),
  ]).filter((one) => one.from + one.seconds * 1000 >= now - SPAN && one.from <= now);
  const next = feeds.filter((feed) => feed.next_run_at).map((feed) => ({ feed, at: Date.parse(feed.next_run_at) })).filter((one) => one.at <= now + SPAN);
  const due = next.filter((one) => one.at >= now).sort((a, b) => a.at - b.at);
  const troubled = past.filter((one) => ["failed", "held"].includes(one.state)).length;
  const label = `${mls}: ${many(past.length, "run")} in the last day${troubled ? `, ${troubled} held or failed` : ""}; ${due.length ? `next ${absolute(due[0].at)}` : "none due in the next day"}`;
  return h("li", {}, h("a", { href: `#/feeds?mls=${encodeURIComponent(mls)}` }, mls),
    s("svg", { viewBox: `0 0 ${WIDTH} 20`, class: "line-of", role: "img", "aria-label": label, preserveAspectRatio: "none" },
      marks.map(([at]) => s("line", { x1: place(at, now), x2: place(at, now), y1: 0, y2: 20, class: "rule" })),
      s("line", { x1: WIDTH / 2, x2: WIDTH / 2, y1: 0, y2: 20, class: "now" }),
      past.map((one) => {
        const x = Math.max(0, place(one.from, now));
        return s("rect", { x, y: 4, width: Math.max(3, place(Math.min(now, one.from + one.seconds * 1000), now) - x), height: 12, rx: 1.5, class: one.state },
          s("title", {}, `${one.run}: ${stateName(one.state)}, ${absolute(one.from)}, ${lasting(one.seconds)}`));
      }),
      next.map((one) => s("path", { d: `M${place(Math.max(one.at, now - SPAN), now)} 4l5 6l-5 6l-5 -6z`, class: one.at < now ? "late" : "next" },
        s("title", {}, `${one.feed.feed}: ${one.at < now ? "was due" : "due"} ${absolute(one.at)}`)))));
}

export function open(root, { status }) {
  const lines = h("div", { class: "schedule" });
  root.append(h("h1", { tabindex: "-1" }, "Schedule"),
    h("p", { class: "legend muted" }, "The last 24 hours and the next. ",
      h("span", { class: "key published" }), " run ", h("span", { class: "key held" }), " held ", h("span", { class: "key failed" }), " failed ",
      h("span", { class: "key next" }), " next run ", h("span", { class: "key late" }), " overdue"), lines);

  function update(next) {
    const now = Date.parse(next.at);
    const marks = hours(now);
    const byMls = new Map();
    for (const feed of next.feeds) byMls.set(feed.mls, [...(byMls.get(feed.mls) ?? []), feed]);
    if (!byMls.size) return lines.replaceChildren(h("p", { class: "empty" }, "There are no feeds yet."));
    const rows = [...byMls].sort(([a], [b]) => (a < b ? -1 : 1)).map(([mls, feeds]) => rowOf(mls, feeds, now, marks));
    return lines.replaceChildren(h("div", { class: "axis-row" }, h("span"), axis(now, marks)), h("ul", { class: "lines" }, rows));
  }

  update(status);
  return { title: "Schedule", update, up: "#/feeds" };
}
