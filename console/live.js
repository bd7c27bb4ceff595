/**
 * Asks what changed in the tenant: every 5 s while the page is in front, every 15 s while it is not,
 * never while it is hidden. Pages fetch only what they show.
 */
import { get, Problem } from "./api.js";
import { session } from "./session.js";
import { changed } from "./state.js";

/**
 * @typedef {{subject: string, sequence: number, eventType: string, caseId: string | null, createdAt: string}} Change
 */

const NEAR = 5_000;
const FAR = 15_000;
/** @type {string | null} */
let cursor = null;
let timer = 0;
let asking = false;
/** @type {(changes: Change[]) => unknown} */
let tell = () => null;

/** @param {(changes: Change[]) => unknown} told gets what changed, perhaps more than once */
export function follow(told) {
  tell = told;
  for (const event of ["visibilitychange", "focus", "blur", "online"]) (event === "visibilitychange" ? document : window).addEventListener(event, () => schedule(event !== "blur"));
  schedule(true);
}

/** Begins anew, for another person. */
export function restart() {
  cursor = null;
  schedule(true);
}

/** @param {boolean} now */
function schedule(now) {
  clearTimeout(timer);
  if (document.visibilityState === "hidden") return;
  timer = setTimeout(look, now ? 0 : document.hasFocus() ? NEAR : FAR);
}

/** Asks once; also called by whoever cannot wait. */
export async function look() {
  if (asking) return;
  asking = true;
  try {
    if (session.me && !session.ended) {
      const { changes, cursor: next } = await get("/changes", { after: cursor });
      cursor = next;
      if (changes.length) await tell(changes);
      changed({ checkedAt: Date.now() });
    }
  } catch (error) {
    // A cursor that is too old is given up; what else goes wrong is asked again.
    if (error instanceof Problem && error.code === 400) cursor = null;
  } finally {
    asking = false;
    schedule(false);
  }
}
