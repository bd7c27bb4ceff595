/** A question, whole: who asks, what, why, until when; its context as it was sent; the case beside it. */
import { actionOf, receiptOf } from "./action.js";
import { get } from "./api.js";
import { answers, changes, decision, written } from "./decide.js";
import { approvalsOf } from "./holding.js";
import { json } from "./json.js";
import { dueOf, icon, personOf, say, severityOf, statusOf } from "./parts.js";
import { isMine, isOpen, outcome } from "./questions.js";
import { html } from "./render.js";
import { address, caseAddress } from "./router.js";
import { changed, state } from "./state.js";
import { countdown, moment, span, SHORT, timeOf, toSeconds } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./render.js").Shown} Shown
 */

const MINUTE = 60_000;
/** @type {{id: string | null, found: any, before: Question[]}} the case of a question, and what was asked like it */
const beside = { id: null, found: null, before: [] };
/** @type {{id: string | null, spoken: number}} what was said of the time that is left */
const clock = { id: null, spoken: Infinity };

/** @param {Question} one @param {string} back the address of the list @returns {Shown} */
export function question(one, back) {
  if (beside.id !== one.id) fetchBeside(one);
  return html`<article class="open" aria-labelledby="question">
    <a class="back" href=${back}>${t.inbox.back}</a>
    <header class="stack"><p class="row">${severityOf(one.priority)}<span class="soft">${t.inbox.types[one.type]}, ${t.inbox.asked(one.createdBy)} ${timeOf(one.createdAt)}, ${t.inbox.needs(t.roles[/** @type {keyof typeof t.roles} */ (one.requiredRole)] ?? one.requiredRole)}${isMine(one) ? `. ${t.inbox.youHold}` : ""}</span></p>
      <h1 id="question" tabindex="-1">${one.title}</h1>${one.description ? html`<p class="soft lines">${one.description}</p>` : null}</header>
    ${time(one)}
    ${actionOf(one, written(one))}${changes(one)}${approvalsOf(one)}
    <section class="stack wide"><h2>${t.inbox.context}</h2>${one.context === null ? html`<p class="quiet">${t.inbox.noContext}</p>` : json(one.context, t.inbox.context)}</section>
    ${one.response && !isOpen(one) ? html`<section class="stack wide"><h2>${t.inbox.response}</h2>${json(one.response, t.inbox.response)}</section>` : null}
    ${one.status === "completed" ? html`<section class="stack wide"><h2>${t.inbox.result}</h2><p>${t.inbox.outcomes.completed(one.completedBy ?? "", one.completedAt ? moment(one.completedAt) : "")}</p>${one.result === null ? null : json(one.result, t.inbox.result)}</section>` : null}
    ${receiptOf(one)}${answers(one)}${decision(one)}
  </article>
  <aside class="beside stack" aria-label=${t.inbox.theCase}>${beside.id === one.id ? side(one) : null}</aside>`;
}

/** How long it can be decided, or how it ended. @param {Question} one */
function time(one) {
  if (!isOpen(one)) return html`<p class="row"><span class="st wraps">${icon(one.decision === "reject" ? "s-blocked" : one.decision ? "s-approved" : "c-late")}${outcome(one)}</span>${one.actionReason ? html`<span class="soft"><q>${one.actionReason}</q></span>` : null}</p>`;
  if (!one.expiresAt) return null;
  const left = Date.parse(one.expiresAt) - state.now;
  announce(one.id, left);
  return html`<div class=${left < SHORT ? "count" : "count calm"} role="timer" aria-label=${t.inbox.timeLeft}><b>${countdown(left)}</b><span>${t.inbox.until(left < SHORT ? toSeconds(one.expiresAt) : moment(one.expiresAt))}</span></div>`;
}

/** Says at five minutes and at one how long is left. @param {string} id @param {number} left */
function announce(id, left) {
  if (clock.id !== id) Object.assign(clock, { id, spoken: left > SHORT ? Infinity : left > MINUTE ? SHORT : MINUTE });
  const due = left <= MINUTE ? MINUTE : left <= SHORT ? SHORT : Infinity;
  if (due >= clock.spoken) return;
  clock.spoken = due;
  queueMicrotask(() => say(t.inbox.saysLeft(due / MINUTE)));
}

/** Fetches what stands beside a question. @param {Question} one */
async function fetchBeside(one) {
  Object.assign(beside, { id: one.id, found: null, before: [] });
  const [found, like] = await Promise.all([one.caseId ? get(`/cases/${encodeURIComponent(one.caseId)}`).catch(() => null) : null, get("/interventions", { uowId: one.uowId, pageSize: 4 }).catch(() => ({ interventions: [] }))]);
  if (beside.id !== one.id) return;
  Object.assign(beside, { found, before: like.interventions.filter((/** @type {Question} */ other) => other.id !== one.id) });
  changed();
}

/** @param {Question} one @returns {Shown} */
function side(one) {
  const { found, before } = beside;
  return html`<h2>${t.inbox.theCase}</h2>
    ${found ? html`<p><a href=${caseAddress(found.id)}><b>${found.title}</b></a><br><span class="id soft">${found.id}</span></p>
      <p class="row">${statusOf(found.status)}${severityOf(found.severity)}</p>
      <dl class="facts"><dt>${t.inbox.due}</dt><dd>${dueOf(found)}</dd><dt>${t.people.assignee}</dt><dd>${personOf(found.assignedTo, found.assignedToSubject)}</dd><dt>${t.inbox.evidence}</dt><dd>${t.inbox.inPacket(found.evidenceCount, found.packetEvidenceIds?.length ?? 0)}</dd>${one.runId ? html`<dt>${t.inbox.run}</dt><dd class="id">${one.runId}</dd>` : null}</dl>` : html`<p class="quiet">${one.caseId ?? t.inbox.noCase}</p>`}
    <h2>${t.inbox.unit}</h2><p class="id">${one.uowId}</p>
    ${before.length ? html`<ul class="stack cap wide">${before.map((other) => html`<li>${timeOf(other.createdAt)}: <a href=${address(`inbox/${encodeURIComponent(other.id)}`)}>${other.title}</a> ${outcome(other)}${other.resolutionSeconds === null ? "" : `, ${t.inbox.after(span(other.resolutionSeconds * 1000))}`}</li>`)}</ul>` : html`<p class="cap">${t.inbox.firstAsked}</p>`}`;
}
