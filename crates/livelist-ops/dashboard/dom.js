// Elements out of plain data. Text is always text: nothing here, or anywhere else, reads HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** An HTML element: `h("p", { class: "muted", onclick }, "text", other)`. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** An SVG element. */
export const s = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/** A list of facts; what is null is left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** A table: `columns` are `[title, class]`, `rows` lists of cells. */
export function table(caption, columns, rows) {
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "data" },
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, columns.map(([title, kind]) => h("th", { scope: "col", class: kind }, title)))),
      h("tbody", {}, rows.map((cells) =>
        h("tr", {}, cells.map((cell, i) => h("td", { class: columns[i][1] }, cell ?? "–")))))));
}

/** A section with a title. */
export const section = (title, ...children) => h("section", {}, h("h2", {}, title), ...children);

/** Puts `text` where screen readers tell it. */
export function say(text) {
  const said = document.getElementById("said");
  if (said.textContent !== text) said.textContent = text;
}

// What was asked for may take away what had the focus, for so long.
const HOLD = 4_000;

/** Whoever uses the keyboard stays in the view: where the element with the focus is gone, its title has it. */
export function hold() {
  const main = document.getElementById("main");
  const look = () => {
    if (document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
    (main.querySelector("#feeds") ?? main.querySelector("h1"))?.focus({ preventScroll: true });
  };
  const changes = new MutationObserver(look);
  changes.observe(main, { childList: true, subtree: true });
  setTimeout(() => changes.disconnect(), HOLD);
  setTimeout(look);
}

/** A question with the consequence spelt out; `act` does it, and its error is shown in the dialog. */
export function confirm({ title, lines, verb, danger, field, act }) {
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const input = field && h("input", { type: "text", id: "dialog-field", maxlength: "200", autocomplete: "off" });
    const yes = h("button", { type: "submit", class: danger ? "danger" : "primary" }, verb);
    const no = h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel");
    let done;
    const form = h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        yes.disabled = true;
        problem.hidden = true;
        try {
          done = { answer: await act(input?.value.trim()) };
          dialog.close();
        } catch (error) {
          problem.textContent = error.message;
          problem.hidden = false;
          yes.disabled = false;
        }
      },
    }, h("h2", { id: "dialog-title" }, title), lines.map((line) => h("p", {}, line)),
      field && h("label", { for: "dialog-field" }, field), input, problem, h("div", { class: "actions" }, no, yes));
    const dialog = h("dialog", {
      "aria-labelledby": "dialog-title",
      onclose: () => { dialog.remove(); resolve(done); hold(); },
    }, form);
    document.body.append(dialog);
    dialog.showModal();
    (input ?? no).focus();
  });
}
