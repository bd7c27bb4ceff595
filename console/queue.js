/** The queue as it is loaded: rows in their groups, what is selected, and what changed since. */
import { call, get } from "./api.js";
import { clockOf } from "./time.js";
import { fits, listsOf, sortOf } from "./queue_query.js";
import { changed, state } from "./state.js";

/**
 * @typedef {import("./queue_query.js").Case} Case
 * @typedef {"late" | "soon" | "later" | "stands" | ""} Group
 * @typedef {{one: Case, group: Group, gone: boolean}} Row a row keeps its place until news is taken in
 */

const PAGE = 100;
/** How many cases that are not shown are looked at, to tell whether they belong to the queue. */
const LOOKED_AT = 10;

/** @type {{rows: Row[], more: {list: number, token: string | null} | null, selected: Set<string>, here: string | null, stats: Record<string, any> | null, types: string[], settings: Record<string, any>, first: Case | null, loaded: string | null, asked: URLSearchParams, busy: boolean}} */
export const queue = {
  rows: [],
  /** Where the list goes on. */
  more: null,
  selected: new Set(),
  /** The row that keys act on. */
  here: null,
  stats: null,
  types: [],
  settings: {},
  /** What is due first, where the queue is empty. */
  first: null,
  /** The query that the rows are for. */
  loaded: null,
  asked: new URLSearchParams(),
  busy: false,
};
let turn = 0;

/** Loads the queue from its beginning. @param {URLSearchParams} query */
export async function load(query) {
  const mine = (turn += 1);
  queue.asked = query;
  queue.busy = true;
  changed();
  try {
    const [rows] = await Promise.all([page(query, { list: 0, token: null }), figures()]);
    if (mine !== turn) return;
    const before = queue.loaded;
    Object.assign(queue, { rows: rows.rows, more: rows.more, loaded: query.toString(), first: null });
    const shown = new Set(rows.rows.map((row) => row.one.id));
    if (before !== queue.loaded) queue.selected.clear();
    for (const id of queue.selected) if (!shown.has(id)) queue.selected.delete(id);
    if (queue.here && !shown.has(queue.here)) queue.here = null;
    changed({ news: [] });
    if (!rows.rows.length) queue.first = (await get("/cases", { sort: "dueAt", unassigned: true, pageSize: 1 })).cases[0] ?? null;
  } finally {
    if (mine === turn) queue.busy = false;
    changed();
  }
}

/** Loads what follows; nothing of it is shown where the list has gone on meanwhile. */
export async function loadMore() {
  const { more } = queue;
  if (!more) return;
  const next = await page(queue.asked, more);
  if (queue.more !== more) return;
  const shown = new Set(queue.rows.map((row) => row.one.id));
  queue.rows = ordered([...queue.rows, ...next.rows.filter((row) => !shown.has(row.one.id))], queue.asked);
  queue.more = next.more;
  changed();
}

/** Counts for the tabs, and the settings that rows are explained by. */
export async function figures() {
  const [stats, settings] = await Promise.all([get("/cases:stats").catch(() => queue.stats), queue.types.length ? queue.settings : get("/settings").catch(() => ({}))]);
  queue.stats = stats;
  queue.settings = settings;
  const known = [...queue.types, ...Object.keys(settings.slaHours ?? {}).filter((one) => one !== "default"), ...queue.rows.map((row) => row.one.decisionType)];
  queue.types = [...new Set(known)].sort();
}

/**
 * @param {URLSearchParams} query @param {{list: number, token: string | null}} from
 * @returns {Promise<{rows: Row[], more: typeof queue.more}>}
 */
async function page(query, from) {
  const lists = listsOf(query);
  let { list, token } = from;
  /** @type {Case[]} */
  const found = [];
  while (list < lists.length && found.length < PAGE) {
    const got = await get("/cases", { ...lists[list], pageSize: PAGE, pageToken: token });
    found.push(...got.cases);
    token = got.nextPageToken ?? null;
    if (!token) list += 1;
  }
  const rows = found.map((one) => ({ one, group: groupOf(one, query), gone: false }));
  return { rows: ordered(rows, query), more: list < lists.length ? { list, token } : null };
}

/** @param {Case} one @param {URLSearchParams} query @returns {Group} */
function groupOf(one, query) {
  if (sortOf(query) !== "dueAt") return "";
  const { kind } = clockOf(one);
  return kind === "done" ? "stands" : kind === "none" ? "later" : kind;
}

const GROUPS = ["late", "soon", "later", "stands", ""];
const STANDING = ["needs_info", "approved", "closed"];

/** @param {Row[]} rows @param {URLSearchParams} query @returns {Row[]} by group, else as they came */
function ordered(rows, query) {
  if (sortOf(query) !== "dueAt") return rows;
  const rank = (/** @type {Row} */ row) => GROUPS.indexOf(row.group) * 10 + (row.group === "stands" ? STANDING.indexOf(row.one.status) : 0);
  return rows.map((row, index) => /** @type {const} */ ([row, index])).sort(([one, i], [other, j]) => rank(one) - rank(other) || i - j).map(([row]) => row);
}

/** Shows a case as it is now, where it stands. @param {Case} one */
export function update(one) {
  const row = queue.rows.find((shown) => shown.one.id === one.id);
  if (!row) return;
  row.one = one;
  row.gone = !fits(one, queue.asked);
  changed();
}

/** Fetches the cases that changed elsewhere, as far as they are shown, and counts what is new. @param {import("./live.js").Change[]} changes */
export async function heard(changes) {
  const ids = [...new Set(changes.flatMap((one) => (one.subject.startsWith("cases/") ? [one.subject.slice("cases/".length)] : one.caseId ? [one.caseId] : [])))];
  const shown = new Set(queue.rows.map((row) => row.one.id));
  const news = new Set(state.news);
  const looked = ids.filter((id) => shown.has(id) || !news.has(id)).slice(0, shown.size + LOOKED_AT);
  await Promise.all(
    looked.map(async (id) => {
      const one = await get(`/cases/${encodeURIComponent(id)}`).catch(() => null);
      const row = queue.rows.find((known) => known.one.id === id);
      if (row && one) update(one);
      else if (row) row.gone = true;
      else if (one && fits(one, queue.asked)) news.add(id);
      if (row?.gone) news.add(id);
    }),
  );
  figures().then(() => changed());
  changed({ news: [...news] });
}

/** @param {string} id @returns {Promise<void>} takes an unassigned case; the row shows it */
export async function claim(id) {
  update((await call("POST", `/cases/${encodeURIComponent(id)}:claim`)).body);
}

/** Claims what is due first among what the filters ask for. @returns {Promise<Case>} */
export async function claimNext() {
  const { decisionType, severity, tags, legalHold, createdBy } = Object.fromEntries(["decisionType", "severity", "tags", "legalHold", "createdBy"].map((name) => [name, queue.asked.getAll(name)]));
  return (await call("POST", "/cases:claimNext", { query: { decisionType, severity, tags, legalHold, createdBy } })).body;
}

