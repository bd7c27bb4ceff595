/** What differs between two texts, word by word. */
import { html } from "./render.js";

/** @typedef {{kind: "same" | "old" | "new", text: string}} Piece */

/** Longer texts are compared as a whole: the table of both grows with their product. */
const MOST = 1500;

/**
 * @param {string} old @param {string} now
 * @returns {Piece[]} the pieces of both, in order, by their longest common sequence of words
 */
export function pieces(old, now) {
  const [one, other] = [old, now].map((text) => text.match(/^\s+|\S+\s*/g) ?? []);
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < one.length - start && end < other.length - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end += 1;
  const a = one.slice(start, one.length - end);
  const b = other.slice(start, other.length - end);
  /** @type {Piece[]} */
  const found = [];
  /** @param {Piece["kind"]} kind @param {string} text */
  const add = (kind, text) => {
    const last = found.at(-1);
    if (last?.kind === kind) last.text += text;
    else if (text) found.push({ kind, text });
  };
  add("same", one.slice(0, start).join(""));
  if (a.length > MOST || b.length > MOST) {
    add("old", a.join(""));
    add("new", b.join(""));
  } else {
    const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) add("same", (j++, a[i++]));
      else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) add("old", a[i++]);
      else add("new", b[j++]);
    }
  }
  add("same", one.slice(one.length - end).join(""));
  return found;
}

/** @param {string} old @param {string} now @returns {import("./render.js").View} struck what went, underlined what came */
export const wordDiff = (old, now) =>
  html`<span class="lines">${pieces(old, now).map(({ kind, text }) => (kind === "same" ? text : kind === "old" ? html`<del>${text}</del>` : html`<ins>${text}</ins>`))}</span>`;
