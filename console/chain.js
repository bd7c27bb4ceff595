// The audit chain, checked in the browser: nothing that the server says about it is believed.

import { sha256 } from "./canonical.js";

/**
 * @typedef {{subject: string, sequence: number, hash: string, previousHash: string, disclosures?: Record<string, string>, erased?: Record<string, string>, erasedBy?: string}} ChainedEvent
 * @typedef {{events: number, headHash: string, broken: {sequence: number, problem: Problem} | null}} Checked
 * @typedef {"missing" | "duplicated" | "content" | "successor" | "start"} Problem
 */

const GENESIS = "0".repeat(64);
/** For how many milliseconds hashes are computed before the browser has a turn. */
const TURN = 10;

/**
 * The hash that an event must have: of all its content but `hash`, and of the tenant. In the place of the
 * values that can be erased, or were, it covers their digests.
 *
 * @param {string} tenant
 * @param {ChainedEvent} event
 * @returns {Promise<string | null>} null where its disclosures do not fit it
 */
export async function eventHash(tenant, event) {
  const { hash: _, erasedBy: __, disclosures, erased, ...content } = structuredClone(event);
  if (Object.hasOwn(content, "digests")) return null;
  const salts = disclosures ?? {};
  const digests = { ...erased };
  for (const pointer of [...Object.keys(salts), ...Object.keys(digests)]) {
    const [, ...path] = pointer.split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const name = path.pop();
    const holder = path.reduce(member, /** @type {any} */ (content));
    if (name === undefined || Array.isArray(holder) || member(holder, name) === undefined) return null;
    const value = holder[name];
    delete holder[name];
    if (Object.hasOwn(salts, pointer)) digests[pointer] = await sha256([salts[pointer], pointer, value]);
    else if (value !== "erased") return null;
  }
  return sha256({ tenant, ...content, ...(Object.keys(digests).length ? { digests } : {}) });
}

/**
 * Some of the same, one after the other, between which the browser can draw and act on keys: a digest alone does not
 * let it.
 *
 * @template One
 * @param {Iterable<One>} some
 */
export async function* inTurns(some) {
  let since = performance.now();
  for (const one of some) {
    yield one;
    if (performance.now() - since < TURN) continue;
    await new Promise((done) => setTimeout(done));
    since = performance.now();
  }
}

/** @param {any} part of JSON @param {string} name @returns {any} undefined where it has no such member of its own */
const member = (part, name) => (typeof part === "object" && part !== null && Object.hasOwn(part, name) ? part[name] : undefined);

/**
 * Checks the whole chain of a subject, from its first event to its last.
 *
 * @param {string} tenant
 * @param {string} subject
 * @param {ChainedEvent[]} events in any order
 * @returns {Promise<Checked>} the first event that does not hold is `broken`
 */
export async function check(tenant, subject, events) {
  const chain = [...events].sort((a, b) => a.sequence - b.sequence);
  const headHash = chain.at(-1)?.hash ?? GENESIS;
  let previous = { sequence: 0, hash: GENESIS };
  for await (const event of inTurns(chain)) {
    const problem = await problemOf(tenant, subject, event, previous);
    if (problem) {
      const sequence = problem === "missing" ? previous.sequence + 1 : event.sequence;
      return { events: chain.length, headHash, broken: { sequence, problem } };
    }
    previous = event;
  }
  return { events: chain.length, headHash, broken: null };
}

/**
 * @param {string} tenant
 * @param {string} subject
 * @param {ChainedEvent} event
 * @param {{sequence: number, hash: string}} previous
 * @returns {Promise<Problem | null>}
 */
async function problemOf(tenant, subject, event, previous) {
  if (event.sequence <= previous.sequence) return "duplicated";
  if (event.sequence > previous.sequence + 1) return "missing";
  if (event.previousHash !== previous.hash) return previous.sequence ? "successor" : "start";
  if (event.subject !== subject) return "content";
  return (await eventHash(tenant, event)) === event.hash ? null : "content";
}
