// The table of all feeds: filtered, sorted, and drawn as far as it is in sight.

import { h, say } from "./dom.js";
import { FEED_STATES, age, badge, due, many, number, signed, stateName, when } from "./format.js";
import { spark } from "./spark.js";

const ROW = 46;
const BEYOND = 12;

const at = (text) => (text ? Date.parse(text) : undefined);
const COLUMNS = [
  ["state", "State", (f) => FEED_STATES.indexOf(f.state)],
  ["feed", "Feed", (f) => f.feed],
  ["live", "Live", (f) => f.live, "num"],
  ["change", "Change", (f) => f.change, "num"],
  ["age", "Age", (f) => (f.as_of ? -Date.parse(f.as_of) : undefined), "num"],
  ["days", "30 days", null],
  ["ack", "Last ack", (f) => at(f.last_ack_at)],
  ["next", "Next run", (f) => at(f.next_run_at)],
];

// What was looked at last stays, so that coming back finds it.
const kept = { chosen: null, top: 0, sort: "state", down: false, states: [], mls: "", provider: "", client: "", q: "" };
const FILTERS = ["mls", "provider", "client", "q"];

const words = new WeakMap();
function text(feed) {
  let found = words.get(feed);
  if (!found) {
    const parts = [feed.feed, feed.mls, feed.provider, feed.resource, feed.filter, feed.why, ...feed.clients.flatMap((c) => [c.client, c.site])];
    words.set(feed, (found = parts.filter(Boolean).join(" ").toLowerCase()));
  }
  return found;
}

function fits(feed, wanted) {
  return (!kept.mls || feed.mls === kept.mls) && (!kept.provider || feed.provider === kept.provider)
    && (!kept.client || feed.clients.some((c) => c.client === kept.client))
    && wanted.every((word) => text(feed).includes(word));
}

function sorted(feeds) {
  const value = COLUMNS.find(([id]) => id === kept.sort)?.[2] ?? COLUMNS[0][2];
  const sign = kept.down ? -1 : 1;
  const keyed = feeds.map((feed) => [value(feed), feed]);
  keyed.sort(([a, x], [b, y]) => {
    // What has no value comes last, whichever way.
    const none = (a === undefined || a === null) - (b === undefined || b === null);
    if (none) return none;
    return (a < b ? -sign : a > b ? sign : 0) || (x.feed < y.feed ? -1 : 1);
  });
  return keyed.map(([, feed]) => feed);
}

function addressed(params) {
  kept.states = (params.get("state") ?? "").split(",").filter((state) => FEED_STATES.includes(state));
  for (const name of FILTERS) kept[name] = params.get(name) ?? "";
  const sort = params.get("sort") ?? "";
  if (COLUMNS.some(([id, , value]) => value && id === sort)) kept.sort = sort;
  kept.down = params.has("sort") ? params.get("down") === "1" : kept.down;
}

function address() {
  const params = new URLSearchParams();
  if (kept.states.length) params.set("state", kept.states.join(","));
  for (const name of FILTERS) if (kept[name]) params.set(name, kept[name]);
  if (kept.sort !== "state" || kept.down) params.set("sort", kept.sort);
  if (kept.down) params.set("down", "1");
  const query = params.toString();
  history.replaceState(null, "", `#/feeds${query ? `?${query}` : ""}`);
}

/** The way back to the table as it was left. */
export function back() {
  const params = new URLSearchParams();
  if (kept.states.length) params.set("state", kept.states.join(","));
  for (const name of FILTERS) if (kept[name]) params.set(name, kept[name]);
  const query = params.toString();
  return `#/feeds${query ? `?${query}` : ""}`;
}

export function open(root, { params, status }) {
  addressed(params);
  let all = [];
  let shown = [];

  const chips = h("div", { class: "chips", role: "group", "aria-label": "States" });
  // Made once: what somebody points at or has chosen by keyboard is not replaced under their hands.
  const chipOf = Object.fromEntries(FEED_STATES.map((state) => [state, h("button", {
    type: "button", class: `chip ${state}`, "data-chip": state, "aria-pressed": "false",
    onclick: () => {
      kept.states = kept.states.includes(state) ? kept.states.filter((other) => other !== state) : [...kept.states, state];
      changed();
    },
  }, badge(state), " ", h("b", {}, ""))]));
  chips.append(...Object.values(chipOf));
  const search = h("input", { type: "search", id: "search", placeholder: "Search  ( / )", "aria-label": "Search feeds", autocomplete: "off", spellcheck: "false", value: kept.q });
  const pick = (name, title) => h("select", { id: `pick-${name}`, "aria-label": title, onchange: (e) => { kept[name] = e.target.value; changed(); } });
  const picks = { mls: pick("mls", "MLS"), provider: pick("provider", "Provider"), client: pick("client", "Client") };
  const clear = h("button", { type: "button", class: "plain", onclick: () => { Object.assign(kept, { states: [], mls: "", provider: "", client: "", q: "" }); search.value = ""; fillPicks(); changed(); search.focus(); } }, "Clear");

  const heads = COLUMNS.map(([id, title, value, kind]) => h("th", { scope: "col", class: `${kind ?? ""} c-${id}` },
    value ? h("button", { type: "button", onclick: () => { kept.down = kept.sort === id && !kept.down; kept.sort = id; changed(); say(`Sorted by ${title}, ${kept.down ? "descending" : "ascending"}.`); } }, title) : title));
  const body = h("tbody");
  const grid = h("table", { role: "grid", id: "feeds", class: "grid", tabindex: "0", "aria-label": "Feeds", "aria-describedby": "feeds-keys" },
    h("thead", {}, h("tr", { "aria-rowindex": "1" }, heads)), body);
  const empty = h("div", { class: "empty", hidden: true });
  const scroller = h("div", { class: "scroll" }, grid, empty);
  const count = h("p", { class: "muted", id: "shown" });
  root.append(h("h1", { class: "unseen", tabindex: "-1" }, "Feeds"),
    h("div", { class: "bar" }, chips, h("div", { class: "filters" }, search, Object.values(picks), clear)),
    scroller,
    h("div", { class: "foot" }, count,
      h("p", { class: "muted keys", id: "feeds-keys" }, h("kbd", {}, "/"), " search ", h("kbd", {}, "↑"), h("kbd", {}, "↓"), " choose ", h("kbd", {}, "Enter"), " open ", h("kbd", {}, "Esc"), " back")));

  function fillPicks() {
    const options = (name, title, values) => {
      const known = [...new Set(values)].filter(Boolean).sort();
      if (kept[name] && !known.includes(kept[name])) known.push(kept[name]);
      picks[name].replaceChildren(h("option", { value: "" }, `Every ${title}`), ...known.map((v) => h("option", { value: v, selected: v === kept[name] }, v)));
    };
    options("mls", "MLS", all.map((f) => f.mls));
    options("provider", "provider", all.map((f) => f.provider));
    options("client", "client", all.flatMap((f) => f.clients.map((c) => c.client)));
  }

  function drawChips(found) {
    const counts = Object.fromEntries(FEED_STATES.map((state) => [state, 0]));
    for (const feed of found) counts[feed.state] += 1;
    for (const state of FEED_STATES) {
      chipOf[state].setAttribute("aria-pressed", String(kept.states.includes(state)));
      chipOf[state].querySelector("b").textContent = number(counts[state]);
    }
  }

  function compute() {
    const wanted = kept.q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = all.filter((feed) => fits(feed, wanted));
    drawChips(found);
    shown = sorted(kept.states.length ? found.filter((feed) => kept.states.includes(feed.state)) : found);
    heads.forEach((head, i) => {
      const [id, , value] = COLUMNS[i];
      if (value) head.setAttribute("aria-sort", id !== kept.sort ? "none" : kept.down ? "descending" : "ascending");
    });
    grid.setAttribute("aria-rowcount", String(shown.length + 1));
    count.textContent = shown.length === all.length ? many(all.length, "feed") : `${number(shown.length)} of ${many(all.length, "feed")}`;
    clear.hidden = !(kept.states.length || FILTERS.some((name) => kept[name]));
    empty.hidden = shown.length > 0;
    grid.classList.toggle("none", shown.length === 0);
    if (!all.length) {
      empty.replaceChildren(h("p", {}, h("b", {}, "There are no feeds yet.")),
        h("p", {}, "Add an MLS and a client with pairs to the registry, then run ", h("code", {}, "livelist reconcile"), "."));
    } else if (!shown.length) {
      empty.replaceChildren(h("p", {}, h("b", {}, "No feed matches.")), h("p", {}, "Remove a filter."));
    }
  }

  function row(feed, index) {
    const cell = (id, kind, ...content) => h("td", { role: "gridcell", class: `${kind} c-${id}` }, content);
    const change = feed.change > 0 ? "more" : feed.change < 0 ? "fewer" : "";
    return h("tr", {
      id: `row-${index}`, "aria-rowindex": index + 2, "aria-selected": String(feed.feed === kept.chosen), "data-index": index, class: feed.state,
    },
      cell("state", "", badge(feed.state), feed.paused && feed.state !== "disabled" && h("span", { class: "badge disabled", title: feed.pause }, "○ Paused"), feed.why && h("span", { class: "why", title: feed.why }, feed.why)),
      cell("feed", "", h("a", { href: `#/feed/${encodeURIComponent(feed.feed)}`, tabindex: "-1" }, feed.feed),
        h("span", { class: "sub" }, [feed.mls, feed.provider, feed.resource, feed.filter].filter(Boolean).join(" · "))),
      cell("live", "num", number(feed.live)),
      cell("change", `num ${change}`, signed(feed.change)),
      cell("age", "num", when(feed.as_of, age)),
      cell("days", "", spark(feed.days)),
      cell("ack", "", when(feed.last_ack_at)),
      cell("next", "", when(feed.next_run_at, due)));
  }

  function draw() {
    const head = grid.tHead.offsetHeight || 34;
    const room = scroller.clientHeight - head;
    const from = Math.max(0, Math.floor(scroller.scrollTop / ROW) - BEYOND);
    const to = Math.min(shown.length, Math.ceil((scroller.scrollTop + room) / ROW) + BEYOND);
    const space = (rows) => (rows > 0 ? [spacer(rows * ROW)] : []);
    body.replaceChildren(...space(from), ...shown.slice(from, to).map((feed, i) => row(feed, from + i)), ...space(shown.length - to));
    point();
  }

  function spacer(height) {
    const cell = h("td", { colspan: COLUMNS.length });
    cell.style.height = `${height}px`;
    return h("tr", { class: "space", "aria-hidden": "true" }, cell);
  }

  const place = () => shown.findIndex((feed) => feed.feed === kept.chosen);

  function point() {
    const id = `row-${place()}`;
    if (body.querySelector(`#${id}`)) grid.setAttribute("aria-activedescendant", id);
    else grid.removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    if (!shown.length) return;
    const to = Math.max(0, Math.min(shown.length - 1, index));
    kept.chosen = shown[to].feed;
    const head = grid.tHead.offsetHeight || 34;
    const [top, bottom] = [to * ROW, (to + 1) * ROW];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight - head) scroller.scrollTop = bottom - scroller.clientHeight + head;
    draw();
  }

  function changed() {
    compute();
    scroller.scrollTop = 0;
    draw();
    address();
    say(count.textContent);
  }

  const show = (feed) => { location.hash = `#/feed/${encodeURIComponent(feed)}`; };

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(scroller.clientHeight / ROW) - 2);
    const index = place();
    const to = { ArrowDown: index + 1, ArrowUp: Math.max(index, 0) - (index > 0 ? 1 : 0), PageDown: Math.max(index, 0) + page, PageUp: index - page, Home: 0, End: shown.length - 1 }[event.key];
    const isHere = document.activeElement === grid;
    if (to !== undefined) { event.preventDefault(); grid.focus(); choose(to); }
    else if (event.key === "Enter" && index >= 0 && isHere) { event.preventDefault(); show(kept.chosen); }
  }
  grid.addEventListener("keydown", (event) => { if (event.target === grid) key(event); });
  grid.addEventListener("focus", () => { if (place() < 0) choose(Math.floor(scroller.scrollTop / ROW)); });
  body.addEventListener("click", (event) => {
    const index = event.target.closest("tr")?.dataset.index;
    if (index === undefined || event.target.closest("a") || String(getSelection())) return;
    kept.chosen = shown[index].feed;
    show(kept.chosen);
  });
  body.addEventListener("mousedown", (event) => {
    const index = event.target.closest("tr")?.dataset.index;
    if (index !== undefined) { kept.chosen = shown[index].feed; }
  });
  search.addEventListener("input", () => { kept.q = search.value; changed(); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) { event.stopPropagation(); search.value = ""; kept.q = ""; changed(); }
    else if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); grid.focus(); choose(0); }
  });
  let waiting = false;
  scroller.addEventListener("scroll", () => {
    kept.top = scroller.scrollTop;
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); }
  });
  const sized = new ResizeObserver(() => draw());
  sized.observe(scroller);

  function update(next) {
    if (all !== next.feeds) {
      all = next.feeds;
      fillPicks();
    }
    compute();
    draw();
  }

  const top = kept.top;
  update(status);
  scroller.scrollTop = top;
  draw();
  address();
  return { title: "Feeds", update, search, key, close: () => sized.disconnect(), settle: () => (place() >= 0 ? grid.focus() : null) };
}
