/**
 * What every page shares, and when the page is shown anew. A view is a function of this and of the
 * page's own state; whoever changes either calls `changed`, and one drawing follows.
 */

/**
 * @typedef {object} State
 * @property {number} now the time that clocks are shown for, in milliseconds; it moves on by itself
 * @property {number | null} checkedAt when news was last asked for
 * @property {number | null} offlineSince since when the server is out of reach; null while it is not
 * @property {string[]} news what is new and not shown yet, by subject
 * @property {number} waiting how many questions wait for a decision
 * @property {boolean} urgent whether a critical question is among them
 * @property {string | null} cost what the last request cost
 */

/** @type {State} */
export const state = {
  now: Date.now(),
  checkedAt: null,
  offlineSince: null,
  news: [],
  waiting: 0,
  urgent: false,
  cost: null,
};

let scheduled = false;
/** @type {() => void} */
let draw = () => {};

/** @param {() => void} does draws everything; `main.js` sets it once */
export function drawWith(does) {
  draw = does;
}

/**
 * Says that something changed; what was changed is drawn once, when all that happens now is done.
 * @param {Partial<State>} [changes] of what every page shares
 */
export function changed(changes = {}) {
  Object.assign(state, changes);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    draw();
  });
}
