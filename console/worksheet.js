/**
 * One's own worksheet: saved 30 s after it was written in, when the page is left, and again every 30 s
 * while that fails. What is not saved yet stays in memory, also while one is signed out.
 */
import { call, get, Problem } from "./api.js";
import { kase, pathOf } from "./case_data.js";
import { ask } from "./dialog.js";
import { button, icon } from "./parts.js";
import { html } from "./render.js";
import { session } from "./session.js";
import { changed } from "./state.js";
import { toSeconds } from "./time.js";
import { t } from "./texts.js";
import { wordDiff } from "./words.js";

/**
 * @typedef {{problemStatement: string, fsrNotes: string}} Texts
 * @typedef {object} Sheet
 * @property {Texts} texts what is written @property {Texts} saved what the server has
 * @property {string | null} etag @property {string | null} savedAt
 * @property {"saved" | "saving" | "unsaved"} state @property {boolean} failed @property {boolean} loaded
 */

const EVERY = 30_000;
const NAMES = /** @type {const} */ (["problemStatement", "fsrNotes"]);
/** @type {Map<string, Sheet>} by case */
const sheets = new Map();
let timer = 0;

/** @param {string} id @returns {Sheet} */
function sheetOf(id) {
  const sheet = sheets.get(id) ?? { texts: { problemStatement: "", fsrNotes: "" }, saved: { problemStatement: "", fsrNotes: "" }, etag: null, savedAt: null, state: "saved", failed: false, loaded: false };
  sheets.set(id, sheet);
  return sheet;
}

/** Fetches the worksheet of a case, unless something is written that is not saved. @param {string} id */
export async function loadSheet(id) {
  const sheet = sheetOf(id);
  if (sheet.state !== "saved") return;
  const { etag } = sheet;
  const found = await fetchSheet(id);
  // What was read before it was saved here is older than what the page shows already.
  if (sheet.state === "saved" && sheet.etag === etag) Object.assign(sheet, { ...found, texts: { ...found.saved }, loaded: true });
  changed();
}

/** @param {string} id @returns {Promise<{saved: Texts, etag: string | null, savedAt: string | null}>} */
async function fetchSheet(id) {
  const there = (await get("/worksheets", { caseId: id })).worksheets.length > 0;
  const answer = there ? await call("GET", pathOf(id, "/worksheet")) : null;
  return { saved: { problemStatement: answer?.body.problemStatement ?? "", fsrNotes: answer?.body.fsrNotes ?? "" }, etag: answer?.etag ?? null, savedAt: answer?.body.updatedAt ?? null };
}

/** @returns {import("./render.js").View} */
export function worksheetForm() {
  const { id, one } = kase.now;
  const sheet = sheetOf(id);
  const closed = one?.status === "closed";
  return html`<section class="no-print"><div class="block-head" id="worksheet"><h2 tabindex="-1">${t.worksheet.title}</h2>${standing(sheet)}</div>
    <div class="stack wide">${NAMES.map((name) => html`<label class="field"><span>${t.worksheet[name]}</span><textarea class="area" rows="3" maxlength="100000" ?readonly=${closed || !sheet.loaded} .value=${sheet.texts[name]} @input=${(/** @type {any} */ event) => write(id, name, event.target.value)}></textarea></label>`)}
      <p class="cap">${closed ? t.worksheet.closed : t.worksheet.own}</p></div></section>`;
}

/** @param {Sheet} sheet */
function standing(sheet) {
  if (sheet.state === "saving") return html`<span class="st push" role="status">${icon("s-in_review")}${t.worksheet.saving}</span>`;
  if (sheet.state === "unsaved") return html`<span class="row push"><span class="st wait wraps" role="status">${icon("v-normal")}${t.worksheet.unsaved(words(sheet), sheet.failed)}</span>${button(t.worksheet.saveNow, () => save(kase.now.id))}</span>`;
  return sheet.savedAt ? html`<span class="st good push" role="status">${icon("s-approved")}${t.worksheet.savedAt(toSeconds(sheet.savedAt))}</span>` : html`<span class="quiet push" role="status">${t.worksheet.empty}</span>`;
}

/** @param {Sheet} sheet how many words are not saved */
function words(sheet) {
  const count = (/** @type {Texts} */ texts) => NAMES.reduce((sum, name) => sum + (texts[name].match(/\S+/g)?.length ?? 0), 0);
  return Math.max(1, Math.abs(count(sheet.texts) - count(sheet.saved)));
}

/** @param {string} id @param {(typeof NAMES)[number]} name @param {string} text */
function write(id, name, text) {
  const sheet = sheetOf(id);
  sheet.texts[name] = text;
  sheet.state = NAMES.every((one) => sheet.texts[one] === sheet.saved[one]) ? "saved" : "unsaved";
  if (!timer) timer = setTimeout(saveAll, EVERY);
  changed();
}

/** Saves whatever is not saved. @param {boolean} [leaving] whether the page is being left */
export function saveAll(leaving = false) {
  clearTimeout(timer);
  timer = 0;
  for (const [id, sheet] of sheets) if (sheet.state === "unsaved") save(id, leaving);
}

/** @returns {boolean} whether something could not be saved: what was not tried yet is saved on leaving */
export const unsaved = () => [...sheets.values()].some((sheet) => sheet.state !== "saved" && sheet.failed);

/** @param {string} id @param {boolean} [leaving] */
async function save(id, leaving = false) {
  const sheet = sheetOf(id);
  if (!session.me || sheet.state === "saving") return;
  const sent = { ...sheet.texts };
  sheet.state = "saving";
  changed();
  try {
    const { body, etag } = await call("PUT", pathOf(id, "/worksheet"), { body: sent, ifMatch: sheet.etag, leaving });
    Object.assign(sheet, { saved: sent, etag, savedAt: body.updatedAt, failed: false });
  } catch (error) {
    sheet.failed = true;
    if (error instanceof Problem && error.code === 412) await resolve(id, sheet);
  }
  sheet.state = NAMES.every((one) => sheet.texts[one] === sheet.saved[one]) ? "saved" : "unsaved";
  if (sheet.state === "unsaved" && !timer) timer = setTimeout(saveAll, EVERY);
  changed();
}

/** The worksheet was saved elsewhere, in another window: both versions are shown. @param {string} id @param {Sheet} sheet */
async function resolve(id, sheet) {
  const theirs = await fetchSheet(id);
  const mine = { ...sheet.texts };
  Object.assign(sheet, theirs, { failed: false });
  await ask({
    title: t.worksheet.conflict,
    note: id,
    size: "wide",
    cancel: t.case.keepWriting,
    body: () => html`<p>${t.worksheet.conflictHelp(toSeconds(theirs.savedAt ?? Date.now()))}</p><div class="scroll"><table class="plain diff"><thead><tr><th scope="col">${t.case.field}</th><th scope="col">${t.worksheet.differs}</th></tr></thead><tbody>${NAMES.map((name) => html`<tr><th scope="row">${t.worksheet[name]}</th><td>${wordDiff(theirs.saved[name], mine[name])}</td></tr>`)}</tbody></table></div>`,
    choices: [{ text: t.worksheet.keepMine, does: () => undefined }, { text: t.worksheet.takeOther, does: () => void (sheet.texts = { ...theirs.saved }) }],
  });
}
