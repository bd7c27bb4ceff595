/** The inbox: what waits for a decision by priority, what the reader holds, what was decided. */
import { a } from "./ask_texts.js";
import { arm, armed, decideKeys, disarm } from "./decide.js";
import { heldUntil } from "./holding.js";
import { attempt, button, dismiss, icon, severityOf } from "./parts.js";
import { question } from "./question.js";
import { heard, inbox, isOpen, load, loadMore, outcome, PRIORITIES, show } from "./questions.js";
import { html, keyed } from "./render.js";
import { address, go } from "./router.js";
import { news } from "./shell.js";
import { state } from "./state.js";
import { countdown, SHORT, span } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./questions.js").Tab} Tab
 */

const TABS = /** @type {Tab[]} */ (["open", "mine", "decided"]);

/** @param {URLSearchParams} query @returns {Tab} */
const tabOf = (query) => TABS.find((tab) => tab === query.get("tab")) ?? "open";

/** @param {string | null} id @param {Tab} tab */
const at = (id, tab) => address(id ? `inbox/${encodeURIComponent(id)}` : "inbox", { tab: tab === "open" ? "" : tab });

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "inbox",
  title: ({ id }) => (id && inbox.open?.title) || t.shell.inbox,
  open: async ({ id, query }) => {
    disarm();
    const tab = tabOf(query);
    inbox.asked = tab;
    await Promise.all([inbox.loaded && tab === inbox.tab ? null : load(tab), show(id)]);
  },
  view: ({ id, query }) => {
    const tab = tabOf(query);
    return html`<section><div class=${id ? "inbox opened" : "inbox"}>
      <div class="list"><div class="bar inset"><h1 tabindex="-1">${t.shell.inbox}</h1>${tabs(tab)}${state.news.length ? news(takeIn) : null}</div>
        ${inbox.loaded ? list(tab, id) : html`<p class="inset quiet">${t.shell.loading}</p>`}
        ${inbox.more ? html`<p class="inset bar">${button(t.shell.more, () => attempt(t.shell.notShown, loadMore))}</p>` : null}</div>
      ${id && inbox.open ? question(inbox.open, at(null, tab)) : html`<div class="open empty"><p class="quiet">${id ? t.shell.loading : inbox.rows.length ? t.inbox.choose : ""}</p></div>`}
    </div></section>`;
  },
  keys: ({ id, query }) => [
    { key: "j", does: () => step(1, id, tabOf(query)) },
    { key: "k", does: () => step(-1, id, tabOf(query)) },
    ...(inbox.open && id ? decideKeys(inbox.open) : []),
    { key: "Escape", does: () => (armed() ? arm(null) : dismiss() || (id && go(at(null, tabOf(query))))) },
  ],
  changed: heard,
  takeIn,
  close: () => {
    inbox.loaded = false;
  },
};

/** Shows what is new. */
function takeIn() {
  return attempt(t.shell.notShown, () => load(inbox.tab));
}

/** @param {Tab} tab */
function tabs(tab) {
  return html`<nav class="tabs" aria-label=${t.inbox.questions}>${TABS.map((one) => html`<a href=${at(null, one)} aria-current=${one === tab ? "page" : null}>${t.inbox.tabs[one]} ${one === "open" && state.waiting ? html`<b>${state.waiting}</b>` : null}</a>`)}</nav>`;
}

/** @param {Tab} tab @param {string | null} id */
function list(tab, id) {
  const shown = tab === "decided" ? [{ title: "", rows: inbox.rows }] : PRIORITIES.map((level) => ({ title: t.severity[level], rows: inbox.rows.filter(({ priority }) => priority === level) }));
  const groups = shown.filter(({ rows }) => rows.length);
  const lately = inbox.lately.filter(({ id }) => !inbox.rows.some((one) => one.id === id));
  return html`${groups.map(({ title, rows }, index) => keyed(title, html`${title ? html`<div class="list-h">${title} ${rows.length} ${index ? null : html`<span>${t.inbox.oldestFirst}</span>`}</div>` : null}<ul class="entries">${rows.map((one) => keyed(one.id, row(one, one.id === id, tab)))}</ul>`))}
    ${groups.length ? null : html`<div class="inset empty"><p>${t.inbox.empty[tab]}</p>${tab === "open" ? null : html`<p><a class="b" href=${at(null, "open")}>${t.inbox.toOpen}</a></p>`}</div>`}
    ${lately.length && tab === "open" ? html`<div class="list-h">${t.inbox.lately}</div><ul class="entries">${lately.map((one) => keyed(one.id, row(one, one.id === id, tab)))}</ul>` : null}`;
}

/** @param {Question} one @param {boolean} here @param {Tab} tab */
function row(one, here, tab) {
  const open = isOpen(one);
  const left = one.expiresAt ? Date.parse(one.expiresAt) - state.now : null;
  const ended = outcome(one);
  return html`<li class=${here ? "here" : ""} aria-current=${here ? "true" : null}><div class="m">${open ? severityOf(one.priority, { word: false }) : icon({ approved: "s-approved", completed: "s-approved", rejected: "s-blocked", withdrawn: "s-closed" }[/** @type {string} */ (one.status)] ?? "c-late")}</div>
    <div class="e"><a class="name" href=${at(one.id, tab)}>${one.title}</a><div class="line cap"><span>${open ? [one.action ? one.action.tool : t.inbox.types[one.type], one.caseId, one.approvalsRequired > 1 ? a.approvals(one.approvals.length, one.approvalsRequired) : "", [ended, heldUntil(one)].filter(Boolean).join(" ")].filter(Boolean).join(", ") : html`${ended}${one.actionReason ? html`: <q>${one.actionReason}</q>` : null}`}</span>
    ${open ? html`<span class="push">${left === null ? t.inbox.noLimit : left < SHORT ? html`<b class="st stop">${countdown(left)}</b>` : span(left)}</span>` : null}</div></div></li>`;
}

/** Opens the next question, or the one before. @param {number} by @param {string | null} id @param {Tab} tab */
function step(by, id, tab) {
  const rows = tab === "open" ? [...inbox.rows, ...inbox.lately.filter((one) => !inbox.rows.some(({ id }) => id === one.id))] : inbox.rows;
  if (!rows.length) return;
  const place = rows.findIndex((one) => one.id === id);
  const to = rows[Math.max(0, Math.min(rows.length - 1, place + by))];
  go(at(to.id, tab), { replace: id !== null });
  queueMicrotask(() => document.querySelector(".list .here")?.scrollIntoView({ block: "nearest" }));
}
