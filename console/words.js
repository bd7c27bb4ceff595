// What differs between two texts, word by word.

/** @typedef {{kind: "same" | "old" | "new", text: string}} Piece */

// The longest texts that are compared by words: the table below has a cell for each pair.
const MOST_CELLS = 4_000_000;

/**
 * The pieces of two texts in their order: what both have, what only the old one has, and what only
 * the new one has. Very long texts that differ are shown whole, one after the other.
 *
 * @param {string} before
 * @param {string} after
 * @returns {Piece[]}
 */
export function differences(before, after) {
  const old = words(before);
  const now = words(after);
  let start = 0;
  while (start < old.length && start < now.length && alike(old[start], now[start])) start += 1;
  let end = 0;
  while (end < old.length - start && end < now.length - start && alike(old[old.length - 1 - end], now[now.length - 1 - end])) end += 1;
  const middle = compared(old.slice(start, old.length - end), now.slice(start, now.length - end));
  const same = (/** @type {string[]} */ some) => some.map((text) => piece("same", text));
  return joined([...same(now.slice(0, start)), ...middle, ...same(now.slice(now.length - end))]);
}

/**
 * A text cut between words; the space after a word belongs to it.
 *
 * @param {string} text
 * @returns {string[]}
 */
function words(text) {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

/**
 * Whether two words are the same, whatever space follows.
 *
 * @param {string} one
 * @param {string} other
 */
function alike(one, other) {
  return one.trimEnd() === other.trimEnd();
}

/**
 * The pieces of two lists of words, by their longest common subsequence.
 *
 * @param {string[]} old
 * @param {string[]} now
 * @returns {Piece[]}
 */
function compared(old, now) {
  if (old.length * now.length > MOST_CELLS) {
    return [...old.map((text) => piece("old", text)), ...now.map((text) => piece("new", text))];
  }
  const lengths = commonLengths(old, now);
  /** @type {Piece[]} */
  const pieces = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && alike(old[i], now[j])) {
      pieces.push(piece("same", now[j++]));
      i += 1;
    } else if (j === now.length || (i < old.length && lengths[i + 1][j] >= lengths[i][j + 1])) {
      pieces.push(piece("old", old[i++]));
    } else {
      pieces.push(piece("new", now[j++]));
    }
  }
  return pieces;
}

/**
 * How many words the rest of `old` from i and the rest of `now` from j have in common, at [i][j].
 *
 * @param {string[]} old
 * @param {string[]} now
 * @returns {Uint32Array[]}
 */
function commonLengths(old, now) {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const both = alike(old[i], now[j]);
      lengths[i][j] = both ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/**
 * @param {Piece["kind"]} kind
 * @param {string} text
 * @returns {Piece}
 */
function piece(kind, text) {
  return { kind, text };
}

/**
 * The pieces with neighbours of one kind made one.
 *
 * @param {Piece[]} pieces
 * @returns {Piece[]}
 */
function joined(pieces) {
  /** @type {Piece[]} */
  const result = [];
  for (const one of pieces) {
    const last = result.at(-1);
    if (last?.kind === one.kind) last.text += one.text;
    else result.push(one);
  }
  return result;
}
