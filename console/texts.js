/** The texts, in the language of the browser, and only those. English is what all others are checked against. */

/** @typedef {typeof import("./texts.en.js").default} Texts */

const asked = navigator.languages.find((one) => /^(en|de)\b/i.test(one)) ?? "en";
const german = /^de/i.test(asked);

/** How times and numbers are written; English with the day before the month. */
export const language = german || (/^en-/i.test(asked) && !/^en-us/i.test(asked)) ? asked : "en-GB";

/** @type {Texts} */
export const t = (await (german ? import("./texts.de.js") : import("./texts.en.js"))).default;
