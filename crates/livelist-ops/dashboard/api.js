// The admin API. The key lives in this tab's session storage and travels in a header, never in a URL.

const KEEP = "livelist.admin-key";
const BASE = new URL("v1/admin/", document.baseURI);
const LONGEST = 60_000;

/** What the API refused, or that it cannot be reached (`status` 0). */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The key that is kept, if there is one. */
export const key = () => sessionStorage.getItem(KEEP);

/** Keeps the key for this tab. */
export const keep = (text) => sessionStorage.setItem(KEEP, text);

/** Forgets the key, and what it showed. */
export function forget() {
  sessionStorage.removeItem(KEEP);
  last = null;
}

async function send(path, options) {
  try {
    return await fetch(new URL(path, BASE), {
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(LONGEST), ...options,
    });
  } catch {
    throw new Refused(0, "unreachable", "The server cannot be reached.");
  }
}

async function refusal(response) {
  const told = await response.json().catch(() => null);
  const { code, message, request_id: id } = told?.error ?? {};
  const text = message ?? `The server answered ${response.status}.`;
  return new Refused(response.status, code ?? "none", id ? `${text} (request ${id})` : text);
}

async function call(path, method = "GET", body = undefined, headers = {}) {
  const all = { Authorization: `Bearer ${key() ?? ""}`, ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  const response = await send(path, {
    method, headers: all, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status !== 304 && !response.ok) throw await refusal(response);
  return response;
}

async function answer(response) {
  try {
    return response.status === 204 ? null : await response.json();
  } catch {
    throw new Refused(0, "cut", "The answer was incomplete.");
  }
}

const name = encodeURIComponent;
const get = async (path) => answer(await call(path));
const post = async (path, body = {}) => answer(await call(path, "POST", body));

let last = null;

/** Milliseconds since the server looked; by its own clock, for ours may be wrong. */
function age(response, told) {
  const now = Date.parse(response.headers.get("date") ?? "");
  return Math.max(0, (now || Date.now()) - Date.parse(told.at)) || 0;
}

/** How all feeds stand, and how old that is; what is unchanged is not sent again. With `known` what the
    server knows already will do, however old. */
export async function status(known = false) {
  const path = known ? "status?known=true" : "status";
  const response = await call(path, "GET", undefined, last && !known ? { "If-None-Match": last.tag } : {});
  if (response.status === 304) return { status: last.told, age: 0 };
  const told = await answer(response);
  const tag = response.headers.get("etag");
  last = tag && { tag, told };
  return { status: told, age: age(response, told) };
}

export const runs = (feed, most) => get(`runs?${new URLSearchParams({ ...(feed && { feed }), most })}`);
export const run = (id) => get(`runs/${name(id)}`);
export const removals = (id) => get(`runs/${name(id)}/removals`);
export const approve = (id) => post(`runs/${name(id)}/approve`);
export const reject = (id) => post(`runs/${name(id)}/reject`);
export const cancel = (id) => post(`runs/${name(id)}/cancel`);
export const rerun = (feed) => post(`feeds/${name(feed)}/rerun`);
export const pause = (kind, id, reason) => post(`${kind}/${name(id)}/pause`, { reason });
export const resume = (kind, id) => post(`${kind}/${name(id)}/resume`);
export const why = (feed, listing) => get(`feeds/${name(feed)}/why?${new URLSearchParams({ key: listing })}`);

/** What changed between two versions; the newest change where none is named. */
export function diff(feed, from, to) {
  const asked = new URLSearchParams({ ...(from && { from }), ...(to && { to }) });
  return get(`feeds/${name(feed)}/diff?${asked}`);
}

/** The keys that a held run would take out, as a file. */
export async function removalsFile(id) {
  return (await call(`runs/${name(id)}/removals?format=csv`)).blob();
}

let guide = null;

/** The section on a reason or an error in docs/operations.md: its items as `[title, text]`. */
export async function help(topic) {
  guide ??= send(new URL("dashboard/operations.md", document.baseURI), {}).then((r) => (r.ok ? r.text() : ""));
  const sections = (await guide.catch(() => { guide = null; return ""; })).split(/^#{2,3} /m);
  const found = sections.find((text) => text.split("\n", 1)[0].trim().toLowerCase() === topic.toLowerCase());
  const plain = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "").replace(/\s+/g, " ").trim();
  return [...(found ?? "").matchAll(/^- \*\*(.+?)\*\*: ([\s\S]*?)(?=^- |(?![\s\S]))/gm)]
    .map(([, title, text]) => [title, plain(text)]);
}
