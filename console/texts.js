/** The texts, in the language of the browser; only that one is fetched. */

/** @typedef {typeof import("./texts.en.js").default} Texts */

const asked = navigator.languages.find((one) => /^(en|de)\b/i.test(one)) ?? "en";
/** Whether the texts are in German; a page that has texts of its own asks this too. */
export const german = /^de/i.test(asked);

/** How times and numbers are written; in English with the day before the month, but for Americans. */
export const language = german || /^en-/i.test(asked) ? asked : "en-GB";

/** @type {Texts} */
export const t = (await (german ? import("./texts.de.js") : import("./texts.en.js"))).default;
document.documentElement.lang = german ? "de" : "en";
