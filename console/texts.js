/** The texts, in the language of the browser. English is the one that all others are checked against. */
import english from "./texts.en.js";

/** @typedef {typeof english} Texts */

const asked = navigator.languages.find((one) => /^(en|de)\b/i.test(one)) ?? "en";

/** How times and numbers are written; English with the day before the month. */
export const language = /^de/i.test(asked) ? asked : /^en-/i.test(asked) && !/^en-us/i.test(asked) ? asked : "en-GB";

/** @type {Texts} */
export const t = /^de/i.test(asked) ? (await import("./texts.de.js")).default : english;
