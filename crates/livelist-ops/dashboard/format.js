// Numbers and times as people read them.

import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en-US");
const zones = {};
let utc = false;

/** Whether times are shown in UTC. */
export const isUtc = () => utc;

/** Shows times in UTC, or in the time zone of this machine. */
export const setUtc = (yes) => { utc = yes; };

/** `12,345`; a dash for nothing. */
export const number = (n) => (n === null || n === undefined ? "–" : whole.format(n));

/** `+12`, `−3`, `0`. */
export const signed = (n) =>
  n === null || n === undefined ? "–" : n > 0 ? `+${whole.format(n)}` : n < 0 ? `−${whole.format(-n)}` : "0";

/** `12,345 keys`. */
export const many = (n, one, more = `${one}s`) => `${number(n)} ${n === 1 ? one : more}`;

/** `3 d 4 h`, `12 min`, `8 s`. */
export function lasting(seconds) {
  const t = Math.max(0, Math.round(seconds));
  if (seconds > 0 && seconds < 1) return "under 1 s";
  if (t < 60) return `${t} s`;
  if (t < 3600) return `${Math.floor(t / 60)} min`;
  if (t < 86400) {
    const minutes = Math.floor((t % 3600) / 60);
    return `${Math.floor(t / 3600)} h${t < 36000 && minutes ? ` ${minutes} min` : ""}`;
  }
  const hours = Math.floor((t % 86400) / 3600);
  return `${Math.floor(t / 86400)} d${t < 864000 && hours ? ` ${hours} h` : ""}`;
}

/** How long ago it was. */
export const age = (at) => lasting((Date.now() - Date.parse(at)) / 1000);

const short = (seconds) => lasting(seconds).split(" ").slice(0, 2).join(" ");

/** `5 min ago`, `in 3 h`. */
export function relative(at, now = Date.now()) {
  const seconds = (Date.parse(at) - now) / 1000;
  if (Math.abs(seconds) < 5) return "now";
  return seconds > 0 ? `in ${short(seconds)}` : `${short(-seconds)} ago`;
}

/** `in 3 h`, `overdue 5 min`. */
export const due = (at) => (Date.parse(at) < Date.now() - 5_000 ? `overdue ${age(at).split(" ").slice(0, 2).join(" ")}` : relative(at));

function zoned(utcZone) {
  const options = { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" };
  zones[utcZone] ??= new Intl.DateTimeFormat("en-GB", utcZone ? { ...options, timeZone: "UTC" } : options);
  return zones[utcZone];
}

/** The instant in local time and in UTC. */
export const absolute = (at) => `${zoned(false).format(new Date(at))} · ${zoned(true).format(new Date(at))}`;

/** The instant in the chosen zone. */
export const clock = (at) => zoned(utc).format(new Date(at));

/** An instant as `<time>`: relative, the absolute one as title. */
export const when = (at, show = relative) =>
  at ? h("time", { datetime: at, title: absolute(at) }, show(at)) : "–";

/** An instant as `<time>`, absolute. */
export const moment = (at) => when(at, clock);

const STATES = {
  failed: ["Failed", "✕"],
  held: ["Held", "■"],
  delayed: ["Delayed", "▲"],
  in_progress: ["In progress", "◐"],
  on_time: ["On time", "●"],
  disabled: ["Disabled", "○"],
  running: ["Running", "◐"],
  published: ["Published", "●"],
  unchanged: ["Unchanged", "●"],
  rejected: ["Rejected", "○"],
  approved: ["Approved", "●"],
  cancelled: ["Cancelled", "○"],
};

/** The states of feeds, those that need somebody first. */
export const FEED_STATES = ["failed", "held", "delayed", "in_progress", "on_time", "disabled"];

/** A state's name. */
export const stateName = (state) => STATES[state]?.[0] ?? state;

/** A state as a badge; its shape tells it without its colour. */
export const badge = (state) => h("span", { class: `badge ${state}` },
  h("span", { "aria-hidden": "true" }, `${STATES[state]?.[1] ?? "●"} `), stateName(state));
