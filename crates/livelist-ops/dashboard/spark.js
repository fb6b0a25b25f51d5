// Thirty days as a line.

import { h, s } from "./dom.js";
import { many, number, stateName } from "./format.js";

const TROUBLE = { f: "failed", h: "held", r: "rejected", c: "cancelled" };

function scale(lives, height, pad) {
  const values = lives.filter((live) => live !== undefined && live !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (live) => pad + (height - 2 * pad) * (high === low ? 0.5 : 1 - (live - low) / (high - low));
  return { values, low, high, y };
}

function line(lives, x, y) {
  let path = "";
  lives.forEach((live, i) => {
    if (live !== undefined && live !== null) path += `${path ? "L" : "M"}${x(i).toFixed(1)} ${y(live).toFixed(1)}`;
  });
  return path;
}

/** The live count of the last runs, small; a mark where one was held or failed. */
export function spark({ live, states }) {
  const [width, height, slots] = [96, 22, 30];
  const { values, low, high, y } = scale(live, height, 3);
  if (!values.length) return null;
  const first = Math.max(0, slots - live.length);
  const x = (i) => 2 + ((width - 4) * (first + i)) / (slots - 1);
  const troubled = [...states].map((letter, i) => [i, TROUBLE[letter]]).filter(([, state]) => state);
  const label = `${many(live.length, "run")}: ${number(low)} to ${number(high)} live`
    + (troubled.length ? `, ${troubled.length} held or failed` : "");
  const last = live.length - 1;
  return s("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    s("path", { d: line(live, x, y), class: "line" }),
    troubled.map(([i, state]) => s("rect", { x: (x(i) - 1).toFixed(1), y: height - 4, width: 2.4, height: 4, class: state })),
    live[last] != null && s("circle", { cx: x(last).toFixed(1), cy: y(live[last]).toFixed(1), r: 1.8 }));
}

/** The days of the first run, of the last one, and of one in the middle. */
function days(history, x) {
  const last = history.length - 1;
  const middle = last > 5 ? [[Math.round(last / 2), "middle"]] : [];
  const shown = last > 0 ? [[0, "start"], ...middle, [last, "end"]] : [[0, "start"]];
  return shown.map(([i, anchor]) => [history[i].started_at.slice(0, 10), x(i).toFixed(1), anchor]);
}

/** What the colours of the chart are. */
export const legend = () => h("p", { class: "legend muted" },
  h("span", {}, h("span", { class: "swatch live", "aria-hidden": "true" }), " live listings after each run (UTC)"), " ",
  h("span", {}, h("span", { class: "swatch came", "aria-hidden": "true" }), " came"), " ",
  h("span", {}, h("span", { class: "swatch went", "aria-hidden": "true" }), " went"), " ",
  h("span", {}, h("span", { class: "swatch held", "aria-hidden": "true" }), " held"), " ",
  h("span", {}, h("span", { class: "swatch failed", "aria-hidden": "true" }), " failed"));

/** The same, large, with what came and went. */
export function chart(runs) {
  const [width, height, foot] = [720, 164, 48];
  const history = runs.filter((run) => run.finished_at).reverse();
  const lives = history.map((day) => day.live);
  const { values, low, high, y } = scale(lives, height - foot, 12);
  if (!values.length) return null;
  const slots = Math.max(history.length, 2);
  const x = (i) => 64 + ((width - 76) * i) / (slots - 1);
  const most = Math.max(1, ...history.map((day) => Math.max(day.added ?? 0, day.removed ?? 0)));
  const bar = (n) => (14 * (n ?? 0)) / most;
  const middle = height - (foot - 14) / 2;
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Live listings over ${many(history.length, "run")}: from ${number(low)} to ${number(high)}; below, what came and went. The table of runs has the numbers.` },
    [[high, y(high)], ...(low === high ? [] : [[low, y(low)]])].map(([value, at]) => [
      s("line", { x1: 60, x2: width, y1: at, y2: at, class: "rule" }),
      s("text", { x: 54, y: at + 4, "text-anchor": "end" }, number(value))]),
    s("line", { x1: 60, x2: width, y1: middle, y2: middle, class: "rule" }),
    days(history, x).map(([day, at, anchor]) => s("text", { x: at, y: height - foot + 10, "text-anchor": anchor }, day)),
    s("path", { d: line(lives, x, y), class: "line" }),
    history.map((day, i) => s("g", {},
      s("title", {}, `${day.run}: ${stateName(day.state)}, ${number(day.live)} live, ${number(day.added)} came, ${number(day.removed)} went`),
      s("rect", { x: x(i) - 8, y: 0, width: 16, height, class: "hit" }),
      day.live != null && s("circle", { cx: x(i), cy: y(day.live), r: 3, class: day.state }),
      s("rect", { x: x(i) - 3, y: middle - bar(day.added), width: 6, height: bar(day.added), class: "came" }),
      s("rect", { x: x(i) - 3, y: middle, width: 6, height: bar(day.removed), class: "went" }))));
}
