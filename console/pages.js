/**
 * The pages by name. Each is a module of its own, which is fetched when it is first opened. To add one:
 * its module, a line here, its link in `shell.js`, its texts in both languages.
 */

/**
 * @typedef {import("./router.js").Route} Route
 * @typedef {import("./render.js").Shown} Shown
 * @typedef {import("./keys.js").Key} Key
 * @typedef {import("./live.js").Change} Change
 *
 * @typedef {object} Page
 * @property {string} nav which link of the shell is the present one
 * @property {(route: Route) => string} title of the browser's tab
 * @property {(route: Route) => unknown} open fetches what the address asks for; also called when only the query changes
 * @property {(route: Route) => Shown} view
 * @property {(route: Route) => Key[]} [keys]
 * @property {(changes: Change[]) => unknown} [changed] what changed elsewhere: updates rows in place, and puts new subjects into `state.news`
 * @property {() => unknown} [takeIn] shows what is new
 * @property {() => unknown} [close] called when another page is opened, and when the tab is left
 */

/** @type {Record<string, () => Promise<{page: Page}>>} */
const modules = {
  cases: () => import("./cases.js"),
  case: () => import("./case.js"),
  trail: () => import("./trail.js"),
  inbox: () => import("./inbox.js"),
  figures: () => import("./figures.js"),
  admin: () => import("./admin.js"),
};

/** @type {Map<string, Page>} */
const known = new Map();

/** @param {string} name @returns {Page | undefined} the page, once its module is here */
export const pageOf = (name) => known.get(name);

/** @param {string} name @returns {Promise<Page | undefined>} the page; undefined where there is none of this name */
export async function fetched(name) {
  if (!known.has(name) && Object.hasOwn(modules, name)) known.set(name, (await modules[name]()).page);
  return known.get(name);
}
