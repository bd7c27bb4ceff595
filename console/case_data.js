/** One case as it is loaded: its parts, its version, and every change of it. */
import { all, call, get, Problem } from "./api.js";
import { refuse } from "./parts.js";
import { changed, state } from "./state.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./queue_query.js").Case} Case
 * @typedef {{id: string, title: string, snippet: string, citation: string | null, sourceId: string | null, tags: string[], metadata: Record<string, unknown>, includedInPacket: boolean, addedAt: string, addedBy: string}} Evidence
 * @typedef {{id: string, reason: string, placedAt: string, placedBy: string}} Hold
 * @typedef {{version: number | null, state: "draft" | "frozen", title: string, frozenAt: string | null, frozenBy: string | null, items: Evidence[], manifest: {id: string, sha256: string}[], sha256: string}} Packet
 * @typedef {{id: string, type: string, status: string, priority: keyof import("./texts.js").Texts["severity"], title: string, createdBy: string, createdAt: string, assignedTo: string | null, assignedToSubject: string | null, decision: string | null, decidedBy: string | null, actionReason: string | null, actionAt: string | null, expiresAt: string | null, createdBySubject: string, requiredRole: string, resolutionSeconds: number | null, response: any, action: {tool: string} | null, approvalsRequired: number, approvals: unknown[], heldUntil: string | null, startedAt: string | null, startedBy: string | null, lapsedAt: string | null}} Question
 * @typedef {{id: string, agentId: string, packId: string | null, version: string | null, status: string, createdAt: string, startedAt: string | null, finishedAt: string | null, durationSeconds: number | null}} Run
 * @typedef {{id: string, kind: string, title: string, version: number, runId: string | null, createdAt: string, createdBy: string, data: unknown}} Rec
 * @typedef {import("./events.js").Event} Event
 *
 * @typedef {object} Shown
 * @property {string} id
 * @property {Case | null} one
 * @property {string | null} etag the version that is shown, on which every change is based
 * @property {Evidence[]} evidence @property {Hold[]} holds
 * @property {Question[]} questions @property {Run[]} runs @property {Rec[]} records
 * @property {Event[]} events @property {string | null} moreEvents @property {number} eventCount
 * @property {Packet | null} packet the draft, or what was frozen last
 * @property {Map<number, Packet>} frozen @property {number} newest the newest frozen version, 0 for none
 * @property {number | null} version which one is shown; null for the draft
 * @property {string} find what is searched for in the evidence
 * @property {string | null} here the item of evidence that keys act on
 */

const EVENTS = 20;

/** @param {string} id @returns {Shown} */
const empty = (id) => ({ id, one: null, etag: null, evidence: [], holds: [], questions: [], runs: [], records: [], events: [], moreEvents: null, eventCount: 0, packet: null, frozen: new Map(), newest: 0, version: null, find: "", here: null });

/** @type {{now: Shown}} */
export const kase = { now: empty("") };

/** @param {string} id @param {string} [below] @returns {string} */
export const pathOf = (id, below = "") => `/cases/${encodeURIComponent(id)}${below}`;

/** Loads a case and everything about it. @param {string} id */
export async function load(id) {
  if (kase.now.id !== id) kase.now = empty(id);
  const shown = kase.now;
  const begun = changes;
  const [{ body, etag }, packet, questions, runs, records, events] = await Promise.all([
    call("GET", pathOf(id), { query: { view: "full" } }),
    get(pathOf(id, "/packet")).catch(() => null),
    all("/interventions", { caseId: id }, "interventions", 100),
    all("/runs", { caseId: id }, "runs", 100),
    all(pathOf(id, "/records"), {}, "records", 100),
    get(pathOf(id, "/audit"), { related: true, pageSize: EVENTS }),
  ]);
  // What was read before a change began is older than what the page shows already.
  if (kase.now !== shown || begun !== changes) return;
  const rest = body.evidenceNextPageToken ? await all(pathOf(id, "/evidence"), { pageToken: body.evidenceNextPageToken }, "evidence") : { rows: [] };
  const newest = body.packetVersion ?? (packet?.version || 0);
  Object.assign(shown, { one: body, etag, evidence: [...body.evidence, ...rest.rows], holds: body.holds, packet, questions: questions.rows, runs: runs.rows, records: records.rows, events: events.events, moreEvents: events.nextPageToken ?? null, eventCount: Number(etag?.match(/\d+/)?.[0] ?? 0), newest });
  if (newest && !shown.frozen.has(newest)) await fetchVersion(newest);
  changed({ news: state.news.filter((one) => one !== id) });
}

/** @param {number} version fetches a frozen packet, once */
export async function fetchVersion(version) {
  const { frozen, id, packet } = kase.now;
  if (!frozen.has(version)) frozen.set(version, packet?.version === version ? packet : await get(pathOf(id, "/packet"), { version }));
  changed();
}

/** Loads the next events; nothing of it is shown where the list has gone on meanwhile. */
export async function moreEvents() {
  const shown = kase.now;
  const before = shown.moreEvents;
  const page = await get(pathOf(shown.id, "/audit"), { related: true, pageSize: 100, pageToken: before });
  if (shown.moreEvents !== before) return;
  shown.events = [...shown.events, ...page.events];
  shown.moreEvents = page.nextPageToken ?? null;
  changed();
}

/** The changes that are under way, one after the other: each is based on what the one before made. */
let line = Promise.resolve(/** @type {unknown} */ (null));
let waiting = 0;
let changes = 0;

/**
 * Changes the case that is shown, based on the version that is shown. The page is loaded anew after
 * the last of several changes.
 * @param {string} method @param {string} below the path below the case @param {unknown} [body]
 * @param {{unbased?: boolean}} [how] `unbased` where the change may follow any version
 * @returns {Promise<any>} @throws {Problem}
 */
export async function change(method, below, body, { unbased = false } = {}) {
  const shown = kase.now;
  waiting += 1;
  changes += 1;
  const sent = line.then(() => call(method, pathOf(shown.id, below), { body, ifMatch: unbased ? null : shown.etag }));
  line = sent.then(
    ({ etag }) => (shown.etag = etag ?? shown.etag),
    () => null,
  );
  try {
    return (await sent).body;
  } finally {
    waiting -= 1;
    if (!waiting && kase.now === shown) await load(shown.id).catch(() => null);
  }
}

/**
 * The same for a button: where somebody was faster, it says who, shows the case as it is now, and
 * changes nothing.
 * @param {string} title what has not happened then @param {() => Promise<unknown>} does
 */
export async function tried(title, does) {
  try {
    await does();
  } catch (error) {
    if (error instanceof Problem && error.code === 412) refuse(title, await overtaken());
    else refuse(title, error);
  }
}

/** @returns {Promise<string>} who changed the case meanwhile, in a sentence */
export async function overtaken() {
  const { events } = await get(pathOf(kase.now.id, "/audit"), { pageSize: 1 });
  const [last] = events;
  return t.case.overtaken(last?.actor.email ?? last?.actor.subject ?? "", kase.now.id);
}
