/** The head of a case: what it is, how its clock stands, and the moves that are allowed now and no others. */
import { change, kase, tried } from "./case_data.js";
import { holdsUntil } from "./case_side.js";
import { editCase } from "./case_edit.js";
import { ask } from "./dialog.js";
import { exportCase } from "./exporting.js";
import { button, icon, personOf, severityOf, statusOf, tagsOf, typeOf } from "./parts.js";
import { pick } from "./people.js";
import { html } from "./render.js";
import { isMe, may, sees, session } from "./session.js";
import { state } from "./state.js";
import { clockOf, day, inWords, moment, span, timeOf, toSeconds } from "./time.js";
import { t } from "./texts.js";
import { actorOf, isErased } from "./events.js";

/**
 * @typedef {import("./queue_query.js").Case} Case
 * @typedef {Case["status"]} Status
 */

/** Which status may follow which; the first is the usual one. The server decides; this only shows. */
const MOVES = /** @type {Record<Status, Status[]>} */ ({
  new: ["in_review", "needs_info", "blocked", "closed"],
  in_review: ["approved", "needs_info", "blocked", "closed"],
  needs_info: ["in_review", "blocked", "closed"],
  blocked: ["in_review", "closed"],
  approved: ["closed"],
  closed: [],
});

/** A summary of more characters may be scrolled, and so it takes the focus of the keyboard. */
const LONG = 400;

/** @param {Case} one @returns {import("./render.js").View} */
export function caseHead(one) {
  const { holds, events } = kase.now;
  const last = events.find((event) => event.subject === `cases/${one.id}`);
  return html`<div class="case-head">
      <div>
        <p class="row cap"><a class="back" href="#/cases">${t.shell.cases}</a> <span class="id soft">${one.id}</span>${sees("pilot") ? button(t.exports.ofCase, () => exportCase(one.id), { kind: "bare" }) : null}</p>
        <h1 tabindex="-1">${one.title}</h1>
        ${one.summary && html`<p class="soft lines summary" tabindex=${one.summary.length > LONG ? "0" : null}>${one.summary}</p>`}
        <div class="meta">${statusOf(one.status)}${severityOf(one.severity)}<span class="soft">${typeOf(one.decisionType)}</span>${tagsOf(one.tags)}
          ${may("verifier") && one.status !== "closed" ? html`<button type="button" class="f pickable" @click=${assign}><span>${t.people.assignee}</span>${personOf(one.assignedTo, one.assignedToSubject)} ${icon("down", 9)}</button>` : html`<span class="soft">${t.people.assignee}: ${personOf(one.assignedTo, one.assignedToSubject)}</span>`}${one.assignedTo && one.heldUntil ? html`<span class="soft">${holdsUntil(one.heldUntil)}</span>` : null}
          ${holds.map((hold) => html`<span class="st" title=${`${hold.placedBy}: ${hold.reason}`}>${icon("hold")}${t.case.heldSince(day(hold.placedAt))}${session.me?.role === "admin" ? button(t.case.releaseHold, () => askHold(hold), { kind: "bare" }) : null}</span>`)}</div>
        ${fieldsOf(one)}
      </div>
      ${clock(one)}
    </div>
    ${moves(one)}
    <nav class="index bar" aria-label=${t.case.onPage}>${index()}<span class="push cap">${last ? html`${t.case.changed} <time datetime=${one.updatedAt}>${sameDay(one.updatedAt) ? toSeconds(one.updatedAt) : moment(one.updatedAt)}</time>${isErased(last, "/actor/email") ? null : html` ${t.case.by} ${personOf(actorOf(last), last.actor.subject)}`}` : null}</span></nav>`;
}

/** @param {Case} one @returns {boolean} whether the reader may claim it: nobody has it, or their claim has lapsed */
export const isFree = (one) => one.assignedTo === null || (one.heldUntil !== null && Date.parse(one.heldUntil) <= state.now);

const sameDay = (/** @type {string} */ time) => new Date(time).toDateString() === new Date(state.now).toDateString();

/** @param {Case} one the values of the tenant's own */
function fieldsOf(one) {
  const fields = Object.entries(one.fields ?? {});
  return fields.length ? html`<dl class="facts own">${fields.map(([name, value]) => html`<dt>${name}</dt><dd>${String(value)}</dd>`)}</dl>` : null;
}

/** @param {Case} one */
function clock(one) {
  const now = clockOf(one);
  const due = one.dueAt ? Date.parse(one.dueAt) : null;
  const from = Date.parse(one.createdAt);
  const until = one.pausedAt ? Date.parse(one.pausedAt) : state.now;
  const gone = due && due > from ? Math.min(1, (until - from) / (due - from)) : 1;
  const stood = one.pausedAt ? t.case.stands(span(state.now - Date.parse(one.pausedAt))) : "";
  return html`<div class="clock">
    <p class="big ${now.kind}">${inWords(now)}</p>
    ${due && now.kind !== "done" ? html`<svg class="sla" viewBox="0 0 208 6" preserveAspectRatio="none" role="img" aria-label=${t.case.passed(Math.round(gone * 100))}><rect class="way" width="208" height="6" /><rect class=${now.kind === "late" ? "over" : "gone"} width=${Math.round(gone * 208)} height="6" /></svg>` : null}
    <p class="cap">${due && now.kind !== "done" ? html`${sameDay(one.dueAt ?? "") ? t.case.dueToday : t.case.due} ${timeOf(one.dueAt)}` : null}${stood && now.kind === "stands" ? `; ${stood}` : ""}${one.closedAt ? t.case.closedOn(moment(one.closedAt)) : ""}</p>
  </div>`;
}

/** @param {Case} one */
function moves(one) {
  if (!may("verifier")) return null;
  const mine = isMe(one.assignedTo, one.assignedToSubject);
  const done = one.status === "approved" || one.status === "closed";
  return html`<div class="moves" role="group" aria-label=${t.case.mayFollow(t.status[one.status])}>
    ${MOVES[one.status].map((to, index) => button(to === "in_review" && !one.pausedAt ? t.case.review : t.case.moves[to], () => move(one, to), { kind: index === 0 && to !== "closed" ? "first" : "" }))}
    ${done && may("pilot") ? button(t.case.reopen, () => askReason(t.case.reopenTitle, t.case.reopenIt, (reason) => change("POST", ":reopen", { reason }))) : null}
    ${session.me?.role === "admin" ? button(t.case.placeHold, () => askReason(t.case.placeHoldTitle, t.case.placeHoldIt, (reason) => change("POST", "/holds", { reason }, { unbased: true }))) : null}
    <span class="push row">${isFree(one) && !done ? button(t.cases.bulk.claim, take, { kind: "bare", key: "C" }) : null}${mine && !done ? button(t.case.release, release, { kind: "bare", key: "U" }) : null}${done ? null : button(t.case.edit, () => editCase(), { kind: "bare", key: "E" })}</span>
  </div>`;
}

function index() {
  const { evidence, packet, questions, runs, records, eventCount } = kase.now;
  const links = /** @type {const} */ ([["evidence", t.case.evidence, evidence.length], ["packet", t.case.packet, packet?.items.length ?? ""], ["questions", t.case.questions, questions.length], ["runs", t.case.runs, runs.length + records.length], ["worksheet", t.case.worksheet, ""], ["timeline", t.case.timeline, eventCount]]);
  return links.filter(([id]) => id !== "worksheet" || may("viewer")).map(([id, text, count]) => html`<a href=${`#${id}`} @click=${(/** @type {Event} */ event) => jump(event, id)}>${text} <b>${count}</b></a>`);
}

/** @param {Event} event @param {string} id to a part of the page; the address stays */
function jump(event, id) {
  event.preventDefault();
  const head = document.getElementById(id);
  head?.scrollIntoView();
  /** @type {HTMLElement | null | undefined} */ (head?.querySelector("h2"))?.focus({ preventScroll: true });
}

/** Takes the case. */
export const take = () => tried(t.cases.notClaimed, () => change("POST", ":claim", undefined, { unbased: true }));
/** Gives it back. */
export const release = () => tried(t.case.notReleased, () => change("PATCH", "", { assignedTo: null }));
const assign = () => pick(kase.now.one?.assignedTo ?? null, (name) => change("PATCH", "", { assignedTo: name }, { unbased: true }));

/** @param {Case} one @param {Status} to */
function move(one, to) {
  if (to !== "blocked" && to !== "closed") return tried(t.case.notMoved, () => change("PATCH", "", { status: to }));
  const open = (one.openInterventions ?? 0) + (one.openRuns ?? 0);
  const ends = to === "closed" && open > 0;
  return askReason(to === "closed" ? t.case.closeTitle : t.case.blockTitle, to === "closed" ? t.case.closeIt : t.case.blockIt, (reason, form) => change("PATCH", "", { status: to, reason, ...(ends && form.get("end") ? { endOpen: true } : {}) }), ends ? open : 0);
}

/** @param {import("./case_data.js").Hold} hold */
const askHold = (hold) => askReason(t.case.releaseHoldTitle, t.case.releaseHoldIt, (reason) => change("POST", `/holds/${hold.id}:release`, { reason }, { unbased: true }), 0, html`<p class="soft">${hold.placedBy}, ${moment(hold.placedAt)}: ${hold.reason}</p>`);

/**
 * @param {string} title @param {string} text of the button @param {(reason: string, form: FormData) => unknown} does
 * @param {number} [open] how many things a closing would end @param {import("./render.js").Shown} [more]
 */
const askReason = (title, text, does, open = 0, more = null) =>
  ask({
    title,
    note: kase.now.id,
    body: () => html`${more}<label class="field"><span>${t.case.reason}</span><textarea class="area" name="reason" rows="3" maxlength="2000" required autofocus placeholder=${t.case.reasonHint}></textarea></label>${open ? html`<label class="toggle"><input type="checkbox" name="end" required>${t.case.endOpen}</label><p class="cap">${t.case.openNow(open)}</p>` : null}<p class="cap">${t.case.reasonStays}</p>`,
    choices: [{ text, does: (form) => does(String(form.get("reason")).trim(), form) }],
  });
