/** What the queue shows: every filter and sort of the API, kept in the address. */
import { ask } from "./dialog.js";
import { button, choice, typeOf } from "./parts.js";
import { queue } from "./queue.js";
import { FILTERS, MORE, sortOf, tabOf, TABS } from "./queue_query.js";
import { html } from "./render.js";
import { address, go } from "./router.js";
import { session } from "./session.js";
import { changed } from "./state.js";
import { t } from "./texts.js";
import { editViews, saveView, views } from "./views.js";

/** @typedef {(typeof MORE)[number]} Further */

const TIMES = new Set(["dueUntil", "createdSince", "createdUntil"]);
const PAUSE = 250;
let open = false;
let timer = 0;

/** @param {URLSearchParams} query @returns {import("./render.js").View} */
export function filterBar(query) {
  const c = t.cases;
  const any = /** @type {[string, string]} */ (["", c.any]);
  const set = FILTERS.filter((name) => query.get(name) && !(name in TABS[tabOf(query)])).length + (query.get("sort") ? 1 : 0);
  const further = MORE.filter((name) => query.get(name));
  const tags = [...new Set([...query.getAll("tags"), ...queue.rows.flatMap((row) => row.one.tags)])].filter(Boolean).sort();
  const types = [...new Set([...queue.types, query.get("decisionType") ?? ""])].filter(Boolean).sort();
  return html`<form class="bar inset filters ${open ? "open" : ""}" role="search" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <label class="f grow ${query.get("search") ? "set" : ""}"><span class="sr">${c.search}</span><input type="search" .value=${query.get("search") ?? ""} placeholder=${c.search} size="22" autocomplete="off" @input=${search} @keydown=${down}><kbd aria-hidden="true">/</kbd></label>
    <button type="button" class="b more" aria-expanded=${open ? "true" : "false"} @click=${unfold}>${c.filters(set)}</button>
    ${choice(c.columns.type, query.get("decisionType") ?? "", [any, ...types.map((one) => /** @type {[string, string]} */ ([one, typeOf(one)]))], to("decisionType"))}
    ${several(query, "status", c.columns.status, Object.entries(t.status))}
    ${choice(c.columns.severity, query.get("severity") ?? "", [any, .../** @type {[string, string][]} */ (Object.entries(t.severity))], to("severity"))}
    ${several(query, "tags", c.tag, tags.map((tag) => [tag, tag]))}
    ${assignee(query)}
    ${choice(c.sort, sortOf(query), [["dueAt", c.sorts.dueAt], ["createdAt", c.sorts.createdAt]], (value) => change("sort", value === "dueAt" ? [] : [value]), { unset: "dueAt" })}
    ${further.map((name) => html`<button type="button" class="b" aria-label=${c.without(c.further[name])} @click=${() => change(name, [])}>${c.further[name]} <b>${told(name, query.get(name) ?? "")}</b> ×</button>`)}
    ${button(c.moreFilters, () => askFurther(query))}
    <span class="view">${choice(c.view, views.list.find((one) => same(one.query, query))?.name ?? "", [["", c.noView], ...views.list.map((one) => /** @type {[string, string]} */ ([one.name, one.name]))], (name) => go(address("cases", new URLSearchParams(views.list.find((one) => one.name === name)?.query ?? ""))))}
      ${button(c.saveView, () => saveView(query.toString()), { kind: "bare" })}${views.list.length ? button(c.editViews, editViews, { kind: "bare" }) : null}</span>
  </form>`;
}

/** @param {string} name @param {string[]} values sets a parameter; what it excludes goes */
function change(name, values) {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  query.delete(name);
  for (const value of values) if (value) query.append(name, value);
  if (name === "assignedTo") query.delete("unassigned");
  if (name === "unassigned") query.delete("assignedTo");
  go(address("cases", query), { replace: name === "search" });
}

/** @param {string} name @returns {(value: string) => void} */
const to = (name) => (value) => change(name, [value]);

/**
 * A parameter that may be repeated. Its select sets one value; with several, it says how many.
 * @param {URLSearchParams} query @param {string} name @param {string} label @param {[string, string][]} options
 */
function several(query, name, label, options) {
  const set = query.getAll(name).filter(Boolean);
  const many = set.length > 1 ? [/** @type {[string, string]} */ (["\u0000", set.map((one) => options.find(([value]) => value === one)?.[1] ?? one).join(", ")])] : [];
  return choice(label, set.length > 1 ? "\u0000" : (set[0] ?? ""), [["", t.cases.any], ...many, ...options], (value) => value !== "\u0000" && change(name, [value]));
}

/** @param {URLSearchParams} query */
function assignee(query) {
  const value = query.get("unassigned") ? "\u0000" : (query.get("assignedTo") ?? "");
  const me = session.me?.name;
  const names = [...new Set([...queue.rows.map((row) => row.one.assignedTo), value])].filter((one) => one && one !== "me" && one !== "\u0000" && one !== me);
  /** @type {[string, string][]} */
  const options = [["", t.cases.anybody], ["me", t.shell.you], ["\u0000", t.shell.nobody], .../** @type {string[]} */ (names).sort().map((one) => /** @type {[string, string]} */ ([one, one])), ["\u0001", t.cases.another]];
  return choice(t.people.assignee, value, options, (chosen) => {
    if (chosen === "\u0000") change("unassigned", ["true"]);
    else if (chosen === "\u0001") another();
    else change("assignedTo", [chosen]);
  });
}

/** Asks whose cases to show. */
async function another() {
  const { pick } = await import("./people.js");
  await pick(null, async (name) => change(name ? "assignedTo" : "unassigned", [name ?? "true"]));
  changed();
}

/** @param {URLSearchParams} query asks for the filters that have no field in the bar */
function askFurther(query) {
  const c = t.cases.further;
  return ask({
    title: t.cases.moreTitle,
    body: () => MORE.map((name) => html`<label class="field"><span>${c[name]}</span>${name === "legalHold" ? html`<select class="area" name=${name} .value=${query.get(name) ?? ""}><option value="">${t.cases.any}</option><option value="true">${t.cases.held}</option><option value="false">${t.cases.notHeld}</option></select>` : html`<input class="area" name=${name} type=${TIMES.has(name) ? "datetime-local" : "text"} maxlength="200" value=${TIMES.has(name) ? local(query.get(name)) : (query.get(name) ?? "")}>`}</label>`),
    choices: [{
      text: t.cases.show,
      does: (form) => {
        const next = new URLSearchParams(query);
        for (const name of MORE) {
          const value = String(form.get(name) ?? "").trim();
          next.delete(name);
          if (value) next.set(name, TIMES.has(name) ? new Date(value).toISOString() : value);
        }
        go(address("cases", next));
      },
    }],
  });
}

/** @param {string | null} time @returns {string} for a field of a local time */
const local = (time) => (time ? new Date(Date.parse(time) - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "");

/** @param {string} name @param {string} value */
const told = (name, value) => (TIMES.has(name) ? local(value).replace("T", " ") : name === "legalHold" ? (value === "true" ? t.cases.held : t.cases.notHeld) : value);

/** @param {string} text @param {URLSearchParams} query */
const same = (text, query) => [...new URLSearchParams(text)].sort().join() === [...query].sort().join();

/** @param {any} event */
function search(event) {
  const text = event.target.value.trim();
  clearTimeout(timer);
  timer = setTimeout(() => change("search", [text]), PAUSE);
}

/** @param {KeyboardEvent} event from the field into the rows */
function down(event) {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  /** @type {HTMLElement | null} */ (document.querySelector(".cases .t a"))?.focus();
}

function unfold() {
  open = !open;
  changed();
}
