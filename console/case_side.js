/** What happened around a case: questions about it, what agents ran and handed over, and its timeline. */
import { call } from "./api.js";
import { a } from "./ask_texts.js";
import { kase, load, moreEvents, tried } from "./case_data.js";
import { actorOf, eventLine } from "./events.js";
import { attempt, button, icon, personOf, severityOf } from "./parts.js";
import { html, keyed } from "./render.js";
import { address } from "./router.js";
import { isMe, may } from "./session.js";
import { state } from "./state.js";
import { countdown, moment, span, timeOf, toSeconds } from "./time.js";
import { t } from "./texts.js";

/** @typedef {import("./case_data.js").Question} Question */

const WAITS = ["pending", "in_progress"];
const ENDED = /** @type {Record<string, [string, string]>} */ ({ approved: ["s-approved", "good"], completed: ["s-approved", "good"], rejected: ["s-blocked", "stop"], expired: ["c-late", ""], withdrawn: ["s-closed", ""], failed: ["s-blocked", "stop"], cancelled: ["s-closed", ""] });

/** @returns {import("./render.js").View} */
export function questionList() {
  const { questions } = kase.now;
  const waits = questions.filter((one) => WAITS.includes(one.status)).length;
  return html`<div class="block-head inset" id="questions"><h2 tabindex="-1">${t.case.questions}</h2><span class="quiet">${questions.length ? t.case.waitAndDecided(waits, questions.length - waits) : ""}</span></div>
    ${questions.length ? html`<ul class="entries">${questions.map((one) => keyed(one.id, question(one)))}</ul>` : html`<p class="inset quiet">${t.case.noQuestions}</p>`}`;
}

/** @param {Question} one */
function question(one) {
  const open = WAITS.includes(one.status);
  return html`<li><div class="m">${severityOf(one.priority, { word: false })}</div>
    <div class="e"><div class="line"><a class="name" href=${address(`inbox/${encodeURIComponent(one.id)}`)}>${one.title}</a><span class="soft">${one.action ? html`<span class="id">${one.action.tool}</span>` : (t.question.types[/** @type {"resume"} */ (one.type)] ?? one.type)}, ${t.question.askedBy(one.createdBy, moment(one.createdAt))}</span></div><div class="cap">${open ? waiting(one) : decided(one)}</div></div>
    <div class="a">${open && !one.assignedTo && may(one.requiredRole) && !isMe(one.createdBy, one.createdBySubject) ? button(t.cases.bulk.claim, () => tried(t.cases.notClaimed, async () => {
      await call("POST", `/interventions/${encodeURIComponent(one.id)}:claim`);
      await load(kase.now.id);
    })) : null}</div></li>`;
}

/** @param {Question} one */
function waiting(one) {
  const left = one.expiresAt ? Date.parse(one.expiresAt) - state.now : null;
  return html`${one.assignedTo ? html`${t.question.heldBy} ${personOf(one.assignedTo, one.assignedToSubject)}${one.heldUntil ? ` ${holdsUntil(one.heldUntil)}` : ""}.` : t.question.free} ${one.approvalsRequired > 1 ? `${a.approvals(one.approvals.length, one.approvalsRequired)}.` : ""} ${left === null ? t.question.noLimit : left > 0 ? html`${t.question.expiresIn(countdown(left))} ${timeOf(one.expiresAt)}` : t.question.ranOut}`;
}

/** Until when a claim holds. @param {string} until */
export function holdsUntil(until) {
  const left = Date.parse(until) - state.now;
  return left > 0 ? a.heldUntil(moment(until), countdown(left)) : a.lapsedClaim(moment(until));
}

/** @param {Question} one */
function decided(one) {
  const [shape, kind] = ENDED[one.status] ?? ["", ""];
  const word = one.type === "clarification" && one.decision === "approve" ? t.question.answered : (t.question.ended[/** @type {"approved"} */ (one.status)] ?? one.status);
  const said = one.response?.text ?? one.actionReason;
  return html`<span class="st ${kind} wraps">${shape && icon(shape)}${word}</span> ${one.decidedBy ? html`${t.case.by} ${personOf(one.decidedBy)} ` : null}${one.resolutionSeconds === null ? moment(one.actionAt ?? one.createdAt) : t.question.after(span(one.resolutionSeconds * 1000))}${said ? html`: “${said}”` : null}${one.startedAt && one.status !== "completed" ? ` ${a.started(one.startedBy ?? "", moment(one.startedAt))}.` : ""}${one.lapsedAt ? ` ${a.lapsed(moment(one.lapsedAt))}` : ""}`;
}

/** @returns {import("./render.js").View} */
export function runList() {
  const { runs, records } = kase.now;
  const loose = records.filter((one) => !runs.some((run) => run.id === one.runId));
  const said = (/** @type {typeof records} */ some) => some.map((one) => html`<details><summary>${one.kind} ${one.version}: ${one.title}</summary><pre class="json" tabindex="0" role="region" aria-label=${t.case.dataOf(one.title)}>${JSON.stringify(one.data, null, 2)}</pre></details>`);
  return html`<div class="block-head inset" id="runs"><h2 tabindex="-1">${t.case.runs}</h2><span class="quiet">${runs.length || records.length ? t.case.runsAndRecords(runs.length, records.length) : ""}</span></div>
    ${runs.length || loose.length ? html`<ul class="entries">${runs.map((run) => {
      const [shape, kind] = ENDED[run.status] ?? ["c-runs", ""];
      return keyed(run.id, html`<li><div class="m"><span class="st ${kind}">${icon(shape)}<span class="sr">${t.case.runStatus[/** @type {"running"} */ (run.status)] ?? run.status}</span></span></div><div class="e"><div class="line"><span class="name">${run.packId ?? run.agentId} ${run.version ?? ""}</span><span class="soft">${run.agentId}, ${moment(run.startedAt ?? run.createdAt)}, ${run.durationSeconds === null ? (t.case.runStatus[/** @type {"running"} */ (run.status)] ?? run.status) : span(run.durationSeconds * 1000)}</span></div>${said(records.filter((one) => one.runId === run.id))}</div><div class="a"></div></li>`);
    })}${loose.map((one) => keyed(`record ${one.id}`, html`<li><div class="m">${icon("s-closed")}</div><div class="e"><div class="line"><span class="soft">${one.createdBy}, ${moment(one.createdAt)}</span></div>${said([one])}</div><div class="a"></div></li>`))}</ul>` : html`<p class="inset quiet">${t.case.noRuns}</p>`}`;
}

/** @returns {import("./render.js").View} */
export function timeline() {
  const { events, moreEvents: more, eventCount, id, evidence, frozen, questions } = kase.now;
  const items = [...[...frozen.values()].flatMap((packet) => packet.items), ...evidence];
  const names = new Map([...items.map((one) => /** @type {[string, string]} */ ([one.id, one.title])), ...questions.map((one) => /** @type {[string, string]} */ ([`interventions/${one.id}`, one.title]))]);
  return html`<div class="block-head inset" id="timeline"><h2 tabindex="-1">${t.case.timeline}</h2><span class="quiet">${t.case.eventCount(eventCount)}</span><a class="push no-print" href=${address("trail", { subject: `cases/${id}` })}>${t.case.openTrail}</a></div>
    <ol class="entries chain dated">${events.map((event) => keyed(event.id, html`<li><span class="m">${event.subject.startsWith("cases/") ? event.sequence : html`<span aria-hidden="true">·</span>`}</span>${timeOf(event.createdAt, today(event.createdAt) ? toSeconds(event.createdAt) : moment(event.createdAt))}<span class="who-did">${personOf(actorOf(event), event.actor.subject)}</span><div class="what">${eventLine(event, names)}</div><span class="h id" title=${event.hash}>${event.hash.slice(0, 8)}</span></li>`))}</ol>
    ${more ? html`<p class="inset bar">${button(t.shell.more, () => attempt(t.shell.notShown, moreEvents))}</p>` : null}`;
}

/** @param {string} time */
const today = (time) => new Date(time).toDateString() === new Date(state.now).toDateString();
