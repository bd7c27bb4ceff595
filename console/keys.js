/**
 * Keys of one letter, sequences such as G C, and a few with Alt. They never act in a field or under a
 * dialog, and those of one letter can be switched off (WCAG 2.1.4).
 */

/**
 * @typedef {object} Key
 * @property {string} key as `KeyboardEvent.key`, with `Alt+` before it where it is held, or two: `g c`
 * @property {(event: KeyboardEvent) => unknown} does
 */

const STORED = "caseledger.keys";
const FIELDS = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]";
let before = "";
let timer = 0;

/** @returns {boolean} whether keys of one letter work */
export const lettersWork = () => localStorage.getItem(STORED) !== "off";

/** @param {boolean} work */
export const setLettersWork = (work) => localStorage.setItem(STORED, work ? "on" : "off");

/** @param {string} key @returns {string | null} for `aria-keyshortcuts`, nothing where they are off */
export const shortcut = (key) => (lettersWork() ? key.toLowerCase() : null);

/**
 * Listens to all keys.
 * @param {() => Key[]} known the keys that act now, the page's before the common ones
 */
export function listen(known) {
  addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (target?.closest(FIELDS)) {
      if (event.key === "Escape" && target instanceof HTMLElement) target.blur();
      return;
    }
    const name = event.altKey ? `Alt+${event.key}` : event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (name.length === 1 && !lettersWork()) return;
    // Enter and space press what has the focus.
    if (name === "Enter" && target?.closest("a, button, summary, label, [role=button]")) return;
    const keys = known();
    const found = keys.find((one) => before && one.key === `${before} ${name}`) ?? keys.find((one) => one.key === name);
    clearTimeout(timer);
    before = !found && keys.some((one) => one.key.startsWith(`${name} `)) ? name : "";
    timer = setTimeout(() => (before = ""), 1500);
    if (!found) return;
    event.preventDefault();
    found.does(event);
  });
}
