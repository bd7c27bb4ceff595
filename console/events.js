/** Audit events in words: what happened, and what changed from what to what. */
import { html } from "./render.js";
import { moment, toSeconds } from "./time.js";
import { t } from "./texts.js";
import { wordDiff } from "./words.js";

/**
 * @typedef {{id: string, subject: string, caseId: string | null, sequence: number, createdAt: string, actor: {subject: string, email: string | null, role: string}, eventType: string, severity: string, agentId: string | null, message: string, reason: string | null, changes: {field: string, old: any, new: any}[], meta: Record<string, any>, hash: string, previousHash: string, requestId: string, disclosures?: Record<string, string>, erased?: Record<string, string>, erasedBy?: string}} Event
 * @typedef {import("./render.js").Shown} Shown
 */

/** What a reader has no use for: it follows from another change, or stands in the row already. */
const SILENT = new Set(["assignedToSubject", "evidenceCount", "notesCount", "attachmentsCount", "reopenCount", "sha256"]);
/** What a message of the server says better than the changes. */
const TOLD = new Set(["note_added", "attachment_added", "document_received", "submission_received", "state_changed", "agent_action", "error", "custom", "record_added", "agent_started", "agent_completed", "agent_failed", "agent_cancelled", "intervention_requested", "intervention_decided", "intervention_claimed", "intervention_approved", "escalated", "hold_placed", "hold_released"]);

/** How a text that the trail must not hold stands in it. */
const HASH = /^sha256:[0-9a-f]{64}$/;

/** @param {unknown} value of any kind: an object may have a member called toString, which is then no function */
const isHash = (value) => typeof value === "string" && HASH.test(value);

/** @param {Event} event @param {string} pointer to a value in it @returns {boolean} whether the value was erased */
export const isErased = ({ erased }, pointer) => erased !== undefined && Object.hasOwn(erased, pointer);

/** @param {Event} event @param {string} pointer to a value in it @param {Shown} shown the value @returns {Shown} */
export const unlessErased = (event, pointer, shown) => (isErased(event, pointer) ? html`<span class="quiet">${t.trail.erased}</span>` : shown);

/** @param {Event} event @returns {string} who did it */
export const actorOf = (event) => event.actor.email ?? event.actor.subject;

/** @param {Event} event @returns {string} what happened, in two or three words */
export const kindOf = (event) => t.events[/** @type {keyof typeof t.events} */ (event.eventType)] ?? event.eventType.replaceAll("_", " ");

/**
 * @param {Event} event @param {Map<string, string>} [names] titles by the ids that may occur
 * @returns {Shown} what happened, on a line
 */
export const eventLine = (event, names) => html`<span class="kind">${kindOf(event)}.</span> ${happened(event, names)}`;

/** @param {Event} event @param {Map<string, string>} [names] @returns {Shown} what happened, without its kind */
export function happened(event, names = new Map()) {
  const changes = event.eventType === "case_created" ? [] : event.changes;
  const title = event.meta.imported ? undefined : names.get(event.subject);
  const told = () => unlessErased(event, "/message", sentence(title ?? event.message));
  if (event.eventType === "imported") return broughtAlong(event);
  return html`${event.meta.erasedSubject ? html`<span class="id">${String(event.meta.erasedSubject)}</span> ` : null}${TOLD.has(event.eventType) || event.meta.imported ? told() : changes.map((one, place) => (SILENT.has(one.field) ? null : changeLine(event, one, place, names)))}${event.reason && event.reason !== event.message ? html`<span class="soft">${isErased(event, "/reason") ? t.trail.reasonErased : t.trail.because(event.reason)}</span>` : null}`;
}

/** What happened in the system that a case comes from: when, who, what. @param {Event} event @returns {Shown} */
function broughtAlong(event) {
  const { at, by, text } = event.meta;
  const when = typeof at === "string" && !isErased(event, "/meta/at") ? moment(at) : at;
  return html`${unlessErased(event, "/meta/at", when)}${by ? html` ${unlessErased(event, "/meta/by", by)}` : null}: <span class="lines">${unlessErased(event, "/meta/text", text)}</span> `;
}

/** @param {Event} event @param {{field: string, old: any, new: any}} change @param {number} place in its changes @param {Map<string, string>} names */
function changeLine(event, change, place, names) {
  const [old, now] = [`/changes/${place}/old`, `/changes/${place}/new`];
  if (!isErased(event, old) && !isErased(event, now)) return changeOf(change, names);
  const side = (/** @type {any} */ value) => (value === null ? t.trail.nothing : worded(change.field, value));
  return html`${t.trail.field(change.field)} <del>${unlessErased(event, old, side(change.old))}</del> <ins>${unlessErased(event, now, side(change.new))}</ins> `;
}

/** @param {string} text */
const sentence = (text) => `${text}${/[.?!]$/.test(text) ? "" : "."} `;

/** @param {{field: string, old: any, new: any}} change @param {Map<string, string>} names @returns {Shown} */
function changeOf({ field, old, new: now }, names) {
  const titled = (/** @type {any} */ value) => names.get(value) ?? worded(field, value);
  if (isHash(old) || isHash(now)) return html`${t.trail.field(field)} <del>${short(old)}</del> <ins>${short(now)}</ins> `;
  if (typeof old === "string" && typeof now === "string" && old.length + now.length > 60) return html`${t.trail.field(field)} ${wordDiff(old, now)} `;
  if (Array.isArray(old) && Array.isArray(now)) {
    const gone = old.filter((one) => !now.includes(one)).map((one) => html`<del>${titled(one)}</del> `);
    const come = now.filter((one) => !old.includes(one)).map((one) => html`<ins>${titled(one)}</ins> `);
    return html`${t.trail.field(field)} ${gone}${come}${gone.length || come.length ? null : html`<span class="soft">${t.trail.reordered} </span>`}`;
  }
  const label = field === "status" ? null : `${t.trail.field(field)} `;
  // A due time that moved by less than a minute would look as if it had not.
  if (old !== null && now !== null && worded(field, old) === worded(field, now) && /At$/.test(field)) return html`${label}<del>${toSeconds(old)}</del> <ins>${toSeconds(now)}</ins> `;
  return html`${label}${old === null || old === undefined ? null : html`<del>${worded(field, old)}</del> `}${now === null || now === undefined ? html`<ins>${t.trail.nothing}</ins> ` : html`<ins>${worded(field, now)}</ins> `}`;
}

/** @param {any} value @returns {string} the beginning of a hash */
const short = (value) => (isHash(value) ? `${value.slice(0, 15)}…` : value === null || value === undefined ? t.trail.nothing : worded("", value));

/** @param {string} field @param {any} value @returns {string} */
export function worded(field, value) {
  if (field === "status") return t.status[/** @type {keyof typeof t.status} */ (value)] ?? String(value);
  if (field === "severity") return t.severity[/** @type {keyof typeof t.severity} */ (value)] ?? String(value);
  if (typeof value === "string" && /At$/.test(field) && !Number.isNaN(Date.parse(value))) return moment(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
