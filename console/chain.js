// The audit chain, checked in the browser: nothing that the server says about it is believed.

import { sha256 } from "./canonical.js";

/**
 * @typedef {{subject: string, sequence: number, hash: string, previousHash: string}} ChainedEvent
 * @typedef {{events: number, headHash: string, broken: {sequence: number, problem: Problem} | null}} Checked
 * @typedef {"missing" | "duplicated" | "content" | "successor" | "start"} Problem
 */

const GENESIS = "0".repeat(64);

/**
 * The hash that an event must have: of all its content but `hash`, and of the tenant.
 *
 * @param {string} tenant
 * @param {ChainedEvent} event
 * @returns {Promise<string>}
 */
export function eventHash(tenant, event) {
  const { hash: _, ...content } = event;
  return sha256({ tenant, ...content });
}

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
  for (const event of chain) {
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
