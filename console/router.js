/**
 * The address says what is shown: `#/cases?status=new&sort=dueAt`, `#/cases/CASE-1`. Each view can be
 * kept as a bookmark and sent to somebody.
 */

/**
 * @typedef {object} Route
 * @property {string} page the first word of the path: cases, case, inbox, trail, figures, admin
 * @property {string | null} id what is opened, where the path names it
 * @property {URLSearchParams} query
 */

/** @returns {Route} what the address says */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/").map(decoded);
  const id = rest.join("/") || null;
  return { page: page === "cases" && id ? "case" : page || "cases", id, query: new URLSearchParams(query) };
}

/**
 * @param {string} path such as `cases/CASE-1`, its parts encoded
 * @param {URLSearchParams | Record<string, string | string[] | undefined>} [query] empty values are left out
 * @returns {string} the address, from its #
 */
export function address(path, query = {}) {
  const given = query instanceof URLSearchParams ? [...query] : Object.entries(query).flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, one]));
  const text = new URLSearchParams(given.filter(([, value]) => value !== "")).toString();
  return `#/${path}${text && `?${text}`}`;
}

/** @param {string} id @returns {string} the address of a case */
export const caseAddress = (id) => address(`cases/${encodeURIComponent(id)}`);

/**
 * Goes to another view.
 * @param {string} to an address
 * @param {{replace?: boolean}} [how] with `replace`, going back leads to what was before this view
 */
export function go(to, { replace = false } = {}) {
  if (to === location.hash) return;
  if (!replace) location.hash = to;
  else {
    history.replaceState(null, "", to);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
