/** What was proven of a trail: what this browser computed first, then what the server says, then what neither can show. */
import { Problem } from "./api.js";
import { check, eventHash, inTurns } from "./chain.js";
import { ask } from "./dialog.js";
import { button, icon, inSentences, say } from "./parts.js";
import { html } from "./render.js";
import { session } from "./session.js";
import { toSeconds } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./trail_rows.js").TrailEvent} TrailEvent
 * @typedef {{subject: string, sequence: number, problem: import("./chain.js").Problem}} Broken
 * @typedef {{valid: boolean, events: number, headHash: string, firstBroken?: {sequence: number, problem: string, field?: string}, log?: Log}} Verification
 * @typedef {{size: number, index: number | null, sealed: number, refused?: string}} Log what the log has of the chain
 *
 * @typedef {object} Proof
 * @property {boolean} whole whether all events of the chains are here, so that none can be missing
 * @property {number} events how many were hashed
 * @property {string | null} headHash the hash of the last event of the first chain, where it is whole
 * @property {Broken | null} broken the first that does not hold
 * @property {number} erased how many of their values were erased
 * @property {number} at when, in milliseconds
 * @property {number} took in milliseconds
 * @property {Verification | Error | null} [server] what the server says; null where it was not asked
 */

/**
 * Computes every hash in this browser.
 * @param {TrailEvent[]} events as they were received
 * @param {{whole: boolean}} how
 * @returns {Promise<Proof>}
 */
export async function checkedHere(events, { whole }) {
  const tenant = session.me?.tenant ?? "";
  const began = performance.now();
  /** @type {Broken | null} */
  let broken = null;
  /** @type {string | null} */
  let headHash = null;
  for (const [subject, chain] of whole ? Map.groupBy(events, (event) => event.subject) : []) {
    const found = await check(tenant, subject, chain);
    if (subject.startsWith("cases/")) headHash = found.headHash;
    if (found.broken) broken ??= { subject, ...found.broken };
  }
  for await (const event of inTurns(whole ? [] : events)) {
    if ((await eventHash(tenant, event)) !== event.hash) broken ??= { subject: event.subject, sequence: event.sequence, problem: "content" };
  }
  const erased = events.reduce((sum, event) => sum + Object.keys(event.erased ?? {}).length, 0);
  return { whole, events: events.length, headHash, broken, erased, at: Date.now(), took: performance.now() - began };
}

/** @param {Proof | null} proof @param {TrailEvent[]} events @returns {import("./render.js").Shown} */
export function proofOf(proof, events) {
  if (!proof) return html`<div class="proof" role="status"><p class="quiet">${t.proof.checking}</p></div>`;
  const { server, headHash } = proof;
  const fails = proof.broken || (server && !(server instanceof Error) && (faultOf(server, proof) || server.log?.refused));
  return html`<div class=${fails ? "proof fails" : "proof"} role="status">
    <div><p class=${proof.broken ? "st stop" : "st good"}><b class="note">${icon(proof.broken ? "s-blocked" : "s-approved")}${here(proof)}</b></p>
      ${headHash ? html`<p class="head">${t.proof.head} <code>${headHash}</code></p>` : null}
      <p class="cap">${t.proof.how(toSeconds(proof.at), Math.ceil(proof.took))}${proof.erased ? ` ${t.proof.erased(proof.erased)}` : ""}</p></div>
    <div><p>${server === null || server === undefined ? html`<b>${t.proof.notAsked}</b>` : says(server, proof)}</p><p class="soft">${proof.whole ? t.proof.neither : t.proof.part}</p></div>
    ${headHash ? html`<div class="stack wide">${button(t.proof.copy, () => navigator.clipboard.writeText(headHash).then(() => say(t.proof.copied)))}${button(t.proof.compare, () => compare(events))}</div>` : null}
  </div>`;
}

/** @param {Proof} proof */
function here({ broken, events, whole }) {
  if (!broken) return whole ? t.proof.holds(events) : t.proof.shownHold(events);
  return t.proof.breaks(broken.sequence, broken.subject, t.proof.problems[broken.problem]);
}

/** @param {Verification | Error} server @param {Proof} proof */
function says(server, proof) {
  if (server instanceof Error) return html`<b>${t.proof.serverSilent}</b> ${server instanceof Problem ? inSentences(server) : ""}`;
  const fault = faultOf(server, proof);
  return html`${fault ? html`<b class="st stop wraps">${icon("s-blocked")}${fault}</b>` : html`<b>${t.proof.serverHolds(server.events)}</b>`}${logOf(server)}`;
}

/** @param {Verification} server @param {Proof} proof @returns {string | null} what is wrong by what the server says */
function faultOf({ valid, firstBroken, events, headHash }, proof) {
  if (valid) return headHash === proof.headHash ? null : t.proof.otherHead(events, headHash);
  const { sequence = 0, problem = "", field } = firstBroken ?? {};
  return field ? t.proof.serverDiffers(sequence, field, problem) : t.proof.serverBreaks(sequence, problem);
}

/** What the log has of the chain. @param {Verification} server */
function logOf({ log, events }) {
  if (!log) return html`<br>${t.proof.notSealed}`;
  const { sealed, index, size, refused } = log;
  return html`<br>${t.proof.logHas(sealed, events, index, size)} ${refused ? html`<span class="st stop wraps">${icon("s-blocked")}${t.proof.logRefused(refused)}</span>` : sealed < events ? t.proof.logSoon : null}`;
}

/** Looks for a hash that the reader kept elsewhere. @param {TrailEvent[]} events */
function compare(events) {
  let kept = "";
  ask({
    title: t.proof.compareTitle,
    body: (redraw) => html`<label class="field"><span>${t.proof.kept}</span><input class="area id" autocomplete="off" spellcheck="false" @input=${(/** @type {any} */ event) => {
      kept = event.target.value.trim().toLowerCase();
      redraw();
    }}></label><p role="status">${kept.length < 64 ? t.proof.keptHelp : found(events, kept)}</p>`,
    choices: [],
    cancel: t.shell.close,
  });
}

/** @param {TrailEvent[]} events @param {string} kept */
function found(events, kept) {
  const event = events.find(({ hash }) => hash === kept);
  return event ? html`<span class="st good wraps">${icon("s-approved")}${t.proof.found(event.sequence, event === events[0])}</span>` : html`<span class="st stop wraps">${icon("s-blocked")}${t.proof.notFound}</span>`;
}
