/** Cases: the queue by its due clock, as its address asks for it. */
import { filterBar } from "./cases_filters.js";
import { table } from "./cases_table.js";
import { attempt, button, dismiss, refuse } from "./parts.js";
import { claim, claimNext, figures, heard, load, loadMore, queue } from "./queue.js";
import { tabOf, TABS } from "./queue_query.js";
import { html } from "./render.js";
import { address, caseAddress, go } from "./router.js";
import { may } from "./session.js";
import { news } from "./shell.js";
import { changed } from "./state.js";
import { moment, span } from "./time.js";
import { t } from "./texts.js";
import { loadViews } from "./views.js";

/** @typedef {import("./queue_query.js").Tab} Tab */

/** Shows what is new, from the beginning of the queue. */
const takeIn = () => attempt(t.shell.notShown, () => load(queue.asked));

/** Takes the case that is due first, and opens it. */
async function next() {
  try {
    go(caseAddress((await claimNext()).id));
  } catch (error) {
    if (/** @type {any} */ (error).code === 404) refuse(t.cases.notClaimed, t.cases.nothingToClaim);
    else refuse(t.cases.notClaimed, error);
  }
}

/** Takes the case that an empty queue names. */
const claimFirst = () =>
  attempt(t.cases.notClaimed, async () => {
    const id = queue.first?.id ?? "";
    await claim(id);
    go(caseAddress(id));
  });

/** @param {Tab} tab @returns {number | string} how many it has */
function counted(tab) {
  const { stats } = queue;
  if (!stats) return "";
  return { mine: stats.mine ?? "", unassigned: stats.unassigned ?? "", overdue: stats.overdue, waiting: stats.waiting, all: stats.caseCount }[tab];
}

/** @param {Tab} tab */
function tabs(tab) {
  return html`<nav class="tabs" aria-label=${t.cases.queues}>${/** @type {Tab[]} */ (Object.keys(TABS)).map((one) => html`<a class=${one === "overdue" && queue.stats?.overdue ? "late" : ""} href=${address("cases", TABS[one])} aria-current=${one === tab ? "page" : null}>${t.cases.tabs[one]} <b>${counted(one)}</b></a>`)}</nav>`;
}

/** @param {Tab} tab what to do next where the queue is empty */
function empty(tab) {
  const { first, asked } = queue;
  const filtered = [...asked.keys()].some((name) => !(name in TABS[tab]) && name !== "sort");
  const total = queue.stats?.caseCount ?? 0;
  return html`<div class="inset empty">
    <h2>${filtered ? t.cases.emptyFiltered : t.cases.empty[tab]}</h2>
    ${first ? html`<p>${t.cases.firstIs} <a href=${caseAddress(first.id)}>${first.id}, ${first.title}</a>${first.dueAt ? `, ${t.cases.dueAt(moment(first.dueAt))}, ${Date.parse(first.dueAt) > Date.now() ? t.cases.in(span(Date.parse(first.dueAt) - Date.now())) : t.cases.late}` : ""}. ${t.cases.nobodyHas}.</p>` : html`<p>${t.cases.nothingFree}</p>`}
    <p class="row">${first && may("verifier") ? button(t.cases.claimIt, claimFirst, { key: "N" }) : null}${filtered || tab !== "all" ? html`<a class="b" href="#/cases">${t.cases.showAll(total)}</a>` : null}</p>
  </div>`;
}

/** @type {typeof import("./cases_bulk.js") | null} fetched when something is first selected */
let many = null;

/** @returns {import("./render.js").Shown} */
function bulk() {
  if (!queue.selected.size || many) return many?.bulkBar();
  import("./cases_bulk.js").then((module) => {
    many = module;
    changed();
  });
  return null;
}

/** Moves the row that keys act on. @param {number} by */
function step(by) {
  const { rows } = queue;
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.one.id === queue.here);
  const to = Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by));
  queue.here = rows[to].one.id;
  changed();
  if (to === rows.length - 1 && by > 0) attempt(t.shell.notShown, loadMore);
  queueMicrotask(() => {
    const link = /** @type {HTMLElement | null} */ (document.querySelector("tr.here .t a"));
    link?.focus({ preventScroll: true });
    link?.closest("tr")?.scrollIntoView({ block: "nearest" });
  });
}

/** @param {string} id selects a case, or no longer */
export function toggle(id) {
  if (!queue.selected.delete(id)) queue.selected.add(id);
  changed();
}

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "cases",
  title: () => t.shell.cases,
  open: ({ query }) => {
    loadViews();
    return load(query);
  },
  view: ({ query }) => {
    const tab = tabOf(query);
    return html`<section>
      <div class="bar inset"><h1 tabindex="-1">${t.shell.cases}</h1>${may("verifier") ? button(t.cases.claimNext, next, { kind: "first", key: "N" }) : null}${tabs(tab)}${news(takeIn)}</div>
      ${filterBar(query)}
      ${queue.loaded === null ? html`<p class="inset quiet">${t.shell.loading}</p>` : queue.rows.length ? table(tab) : empty(tab)}
      ${queue.more ? html`<p class="inset bar">${button(t.shell.more, () => attempt(t.shell.notShown, loadMore))}</p>` : null}
      ${bulk()}
    </section>`;
  },
  keys: () => [
    { key: "j", does: () => step(1) },
    { key: "k", does: () => step(-1) },
    { key: "Enter", does: () => queue.here && go(caseAddress(queue.here)) },
    { key: "x", does: () => queue.here && toggle(queue.here) },
    ...(may("verifier")
      ? [
          { key: "n", does: () => (queue.first ? claimFirst() : next()) },
          { key: "c", does: () => queue.here && attempt(t.cases.notClaimed, () => claim(/** @type {string} */ (queue.here))).then(() => figures()).then(() => changed()) },
        ]
      : []),
    { key: "Escape", does: () => { if (!dismiss() && queue.selected.size) { queue.selected.clear(); changed(); } } },
  ],
  changed: heard,
  takeIn,
};
