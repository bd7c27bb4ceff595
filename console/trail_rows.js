/** The events of a trail, by day: each a mark on the line of the chain. */
import { icon } from "./parts.js";
import { html, keyed } from "./render.js";
import { caseAddress } from "./router.js";
import { dayOf, timeOf, toSeconds } from "./time.js";
import { t } from "./texts.js";
import { differences } from "./words.js";

/**
 * @typedef {import("./render.js").Shown} Shown
 * @typedef {{field: string, old: any, new: any}} Change
 *
 * @typedef {object} TrailEvent an event as it was received
 * @property {string} id @property {string} subject @property {string | null} caseId @property {number} sequence
 * @property {string} createdAt @property {{subject: string, email?: string | null, type: string}} actor
 * @property {string} source @property {string} eventType @property {string} severity @property {string | null} agentId
 * @property {string} outcome @property {string} message @property {string | null} reason @property {Change[]} changes
 * @property {Record<string, unknown>} meta @property {string} requestId @property {string | null} requestHash
 * @property {string} previousHash @property {string} hash
 *
 * @typedef {object} How
 * @property {string | null} open the id of the event that is opened
 * @property {number} here the place of the row that the keys are at
 * @property {import("./proof.js").Proof | null} proof what was found of them, once they are checked
 * @property {boolean} subjects whether each row says what it is about
 * @property {(id: string) => unknown} toggle
 * @property {(id: string) => string} link the address at which an event is opened
 */

/** @param {TrailEvent} event @returns {string} who did it: the address, else the subject */
export const who = (event) => event.actor.email ?? event.actor.subject;

/** @param {TrailEvent[]} events newest first @param {How} how @returns {Shown} */
export function days(events, how) {
  let place = 0;
  return [...Map.groupBy(events, (event) => dayOf(event.createdAt))].map(([day, some]) =>
    keyed(day, html`<h2 class="day inset">${day}</h2><ol class=${how.proof?.broken ? "entries chain broken" : "entries chain"}>${some.map((event) => keyed(event.id, row(event, place++ === how.here, how)))}</ol>`),
  );
}

/** @param {TrailEvent} event @param {boolean} here @param {How} how */
function row(event, here, how) {
  const open = how.open === event.id;
  const fault = how.proof?.broken;
  const ours = fault?.subject === event.subject ? event.sequence - fault.sequence : -1;
  const link = ours < 0 ? "" : ours === 0 ? "gap" : "after";
  return html`<li class="${open ? "open" : ""} ${here ? "here" : ""} ${link}"><span class="m">${event.sequence}</span>${timeOf(event.createdAt, toSeconds(event.createdAt))}<span class="who-did">${who(event)}</span>
    <div class="what">${how.subjects ? html`<span class="id quiet">${event.caseId ?? event.subject}</span> ` : null}<button type="button" class="kind" aria-expanded=${String(open)} @click=${() => how.toggle(event.id)}>${kind(event)}</button> ${brief(event)} ${grade(event)}</div><span class="h id" title=${event.hash}>${event.hash.slice(0, 8)}</span>
    ${open ? full(event, ours, how) : null}</li>`;
}

/** @param {TrailEvent} event @returns {string} what kind of event it is, in words */
const kind = ({ eventType }) => `${t.events[/** @type {keyof typeof t.events} */ (eventType)] ?? eventType}.`;

/** What happened, in a line. @param {TrailEvent} event @returns {Shown} */
function brief(event) {
  const { eventType, changes, message, reason } = event;
  const [first] = changes;
  const said = reason ? html` <q>${reason}</q>` : null;
  if (first && (eventType === "status_changed" || eventType === "assigned")) return html`${change(first)}${said}`;
  if (eventType === "case_created") return html`${titled(changes)}`;
  return html`${message}${said}`;
}

/** @param {Change[]} changes */
const titled = (changes) => String(changes.find(({ field }) => field === "title")?.new ?? "");

/** @param {Change} change @returns {Shown} its old value and its new one, in words */
function change({ field, old, new: now }) {
  const word = (/** @type {unknown} */ value) => (value === null ? t.shell.nobody : field === "status" ? (t.status[/** @type {keyof typeof t.status} */ (value)] ?? value) : value);
  return html`<del>${word(old)}</del> <ins>${word(now)}</ins>`;
}

/** @param {TrailEvent} event */
function grade({ severity, outcome }) {
  const word = t.eventSeverity[/** @type {keyof typeof t.eventSeverity} */ (severity)] ?? severity;
  if (outcome !== "success") return html`<span class="st stop">${icon("s-blocked")}${t.trail.outcomes[/** @type {keyof typeof t.trail.outcomes} */ (outcome)] ?? outcome}</span>`;
  if (severity === "info") return null;
  return html`<span class=${severity === "warning" ? "st wait" : "st stop"}>${icon(severity === "warning" ? "v-high" : "s-blocked")}${word}</span>`;
}

/** All of an event. @param {TrailEvent} event @param {number} ours how far behind the first fault; below 0 where none is @param {How} how */
function full(event, ours, how) {
  return html`<div class="full">
    ${event.changes.length ? html`<div class="scroll" tabindex="0" role="region" aria-label=${t.trail.changes(event.sequence)}><table class="plain diff"><thead><tr><th scope="col">${t.trail.field}</th><th scope="col">${t.trail.was}</th><th scope="col">${t.trail.is}</th></tr></thead>
      <tbody>${event.changes.map((one) => changeRow(one))}</tbody></table></div>` : null}
    <dl class="facts">
      ${event.caseId ? html`<dt>${t.trail.about}</dt><dd><a href=${caseAddress(event.caseId)}>${event.caseId}</a> <span class="id quiet">${event.subject}</span></dd>` : html`<dt>${t.trail.about}</dt><dd class="id">${event.subject}</dd>`}
      <dt>${t.trail.message}</dt><dd>${event.message}</dd>
      ${event.reason ? html`<dt>${t.trail.reason}</dt><dd class="lines">${event.reason}</dd>` : null}
      ${event.agentId ? html`<dt>${t.trail.agent}</dt><dd>${event.agentId}</dd>` : null}
      ${Object.keys(event.meta).length ? html`<dt>${t.trail.meta}</dt><dd><code>${JSON.stringify(event.meta)}</code></dd>` : null}
      <dt>${t.trail.hash}</dt><dd><code>${event.hash}</code> ${!how.proof ? null : ours < 0 ? html`<span class="st good">${icon("s-approved")}${t.trail.computed}</span>` : html`<span class="st stop">${icon("s-blocked")}${ours ? t.trail.behind : t.trail.fault}</span>`}</dd>
      <dt>${t.trail.before}</dt><dd><code>${event.previousHash}</code> <span class="quiet">${event.sequence > 1 ? t.trail.ofEvent(event.sequence - 1) : t.trail.noneBefore}</span></dd>
      <dt>${t.trail.request}</dt><dd><code>${event.requestId}</code>, ${event.requestHash ? t.trail.withKey : t.trail.withoutKey}, ${t.trail.sources[/** @type {keyof typeof t.trail.sources} */ (event.source)] ?? event.source}</dd>
    </dl>
    <div class="row"><button type="button" class="b" @click=${() => navigator.clipboard.writeText(JSON.stringify(event, null, 2))}>${t.trail.copy}</button><a class="b" href=${how.link(event.id)}>${t.trail.link(event.sequence)}</a></div></div>`;
}

/** @param {Change} change */
function changeRow({ field, old, new: now }) {
  if (typeof old === "string" && typeof now === "string" && field !== "status") {
    const pieces = differences(old, now);
    const side = (/** @type {"old" | "new"} */ side) => pieces.filter(({ kind }) => kind === "same" || kind === side).map(({ kind, text }) => (kind === "same" ? text : side === "old" ? html`<del>${text}</del>` : html`<ins>${text}</ins>`));
    return html`<tr><th scope="row">${field}</th><td class="lines" data-l=${t.trail.was}>${side("old")}</td><td class="lines" data-l=${t.trail.is}>${side("new")}</td></tr>`;
  }
  const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1));
  return html`<tr><th scope="row">${field}</th><td class="lines" data-l=${t.trail.was}>${old === null ? html`<span class="quiet">${t.trail.nothing}</span>` : html`<del>${text(old)}</del>`}</td><td class="lines" data-l=${t.trail.is}>${now === null ? html`<span class="quiet">${t.trail.nothing}</span>` : html`<ins>${text(now)}</ins>`}</td></tr>`;
}
