/** The rows of the queue: a table on a desk, cards where it is narrow. */
import { toggle } from "./cases.js";
import { dueOf, icon, shortly, severityOf, statusOf, tagsOf, typeOf } from "./parts.js";
import { queue } from "./queue.js";
import { sortOf } from "./queue_query.js";
import { html, keyed } from "./render.js";
import { address, caseAddress, go } from "./router.js";
import { changed } from "./state.js";
import { ago, clockOf, day, dayOf, exact, timeOf } from "./time.js";
import { t } from "./texts.js";

/** @typedef {import("./queue.js").Row} Row */

/** @param {import("./queue_query.js").Tab} tab @returns {import("./render.js").View} */
export function table(tab) {
  const { rows, selected } = queue;
  const c = t.cases.columns;
  const all = rows.length > 0 && selected.size === rows.length;
  const sort = sortOf(queue.asked);
  const head = (/** @type {string} */ text, kind = "") => html`<th role="columnheader" scope="col" class=${kind}>${text}</th>`;
  return html`<table class="ledger cases" role="table" aria-busy=${queue.busy ? "true" : null} aria-label=${t.cases.tableOf(t.cases.tabs[tab], t.cases.sorts[sort])}>
    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col"><label class="box"><input type="checkbox" .checked=${all} @change=${() => selectAll(!all)}><span class="sr">${t.cases.selectAll(rows.length)}</span></label></th>
      ${head(c.case)}${head(c.title)}${head(c.type)}${head(c.tags)}${head(c.severity)}${head(c.status)}${head(c.assignee)}
      <th role="columnheader" scope="col" aria-sort=${sort === "dueAt" ? "ascending" : null}><button type="button" @click=${() => sortBy(sort === "dueAt" ? "createdAt" : "")}>${c.due} ${sort === "dueAt" ? icon("up", 9) : null}</button></th>
      ${head(c.at)}${head(c.changed, "num")}</tr></thead>
    ${grouped(rows).map(([group, own]) => keyed(group, html`<tbody role="rowgroup">${heading(group, own.length)}${own.map((row) => keyed(row.one.id, rowOf(row)))}</tbody>`))}
  </table>`;
}

/** @param {Row[]} rows @returns {[string, Row[]][]} */
function grouped(rows) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return [...groups];
}

/** @param {string} group @param {number} count */
function heading(group, count) {
  if (!group) return null;
  const [text, more] = { late: t.cases.groups.late, soon: [t.cases.groups.soon, dayOf(Date.now())], later: t.cases.groups.later, stands: t.cases.groups.stands }[group] ?? ["", ""];
  return html`<tr class="group ${group}" role="row"><td role="cell"></td><th role="rowheader" scope="rowgroup" colspan="10">${text} ${count}${queue.more && (group === "later" || group === "stands") ? "+" : ""} <span>${more}</span></th></tr>`;
}

/** @param {Row} row @returns {import("./render.js").View} */
function rowOf({ one, gone }) {
  const selected = queue.selected.has(one.id);
  const kind = [queue.here === one.id ? "here" : "", gone ? "gone" : ""].join(" ");
  return html`<tr role="row" class=${kind} aria-selected=${selected ? "true" : null} @focusin=${() => here(one.id)}>
    <td role="cell"><label class="box"><input type="checkbox" .checked=${selected} @change=${() => toggle(one.id)}><span class="sr">${t.cases.select(one.id)}</span></label></td>
    <td role="cell" class="c-id"><span class="id soft">${one.id}</span></td>
    <th role="rowheader" scope="row" class="c-title t clip"><a href=${caseAddress(one.id)} title=${one.title}>${one.title}</a>${gone ? html`<span class="cap">${t.cases.left}</span>` : null}</th>
    <td role="cell" class="c-type soft">${typeOf(one.decisionType)}</td>
    <td role="cell" class="c-tags">${tagsOf(one.tags.slice(0, 2))}${one.tags.length > 2 ? html`<span class="tag" title=${one.tags.slice(2).join(", ")}>+${one.tags.length - 2}</span>` : null}</td>
    <td role="cell" class="c-sev">${severityOf(one.severity)}</td>
    <td role="cell" class="c-state">${statusOf(one.status)}</td>
    <td role="cell" class="c-who" title=${one.assignedTo}>${shortly(one.assignedTo, one.assignedToSubject)}</td>
    <td role="cell" class="c-due">${dueOf(one)}${closes(one)}</td>
    <td role="cell" class="c-at">${["stands", "done"].includes(clockOf(one).kind) ? null : html`<span class="at">${timeOf(one.dueAt)}</span>`}</td>
    <td role="cell" class="c-upd num quiet" data-l=${t.cases.changed} title=${exact(one.updatedAt)}>${ago(one.updatedAt)}</td>
  </tr>`;
}

/** @param {import("./queue_query.js").Case} one when an approved case is closed by itself */
function closes(one) {
  const days = queue.settings.autoCloseDays;
  return one.status === "approved" && days ? html`<span class="quiet">, ${t.cases.closes(day(Date.parse(one.statusChangedAt) + days * 86_400_000))}</span>` : null;
}

/** @param {string} id */
function here(id) {
  if (queue.here === id) return;
  queue.here = id;
  changed();
}

/** @param {boolean} selected */
function selectAll(selected) {
  queue.selected = new Set(selected ? queue.rows.map((row) => row.one.id) : []);
  changed();
}

/** @param {string} sort */
function sortBy(sort) {
  const query = new URLSearchParams(queue.asked);
  query.set("sort", sort);
  go(address("cases", query));
}
