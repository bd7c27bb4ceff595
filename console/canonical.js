// JSON in its canonical form (RFC 8785), which is what is hashed.
//
// The standard takes over how ECMAScript writes numbers and strings, and sorts names by UTF-16 code
// units, as `sort` does: so little is left to do here.

/**
 * The RFC 8785 form of a value that came out of `JSON.parse`.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(",")}}`;
}

/**
 * The SHA-256 of the RFC 8785 form of a value, in hex.
 *
 * @param {unknown} value
 * @returns {Promise<string>}
 */
export async function sha256(value) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical(value)));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
