/** The action that a question asks about: its tool and arguments to the letter, its hash, and what became of it. */
import { get } from "./api.js";
import { a } from "./ask_texts.js";
import { ask } from "./dialog.js";
import { attempt, button, icon, say } from "./parts.js";
import { html } from "./render.js";
import { state } from "./state.js";
import { t } from "./texts.js";
import { countdown, moment, span } from "./time.js";

/**
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./render.js").Shown} Shown
 */

/** As many rows a table shows of what is as asked. */
const MOST = 200;
/** What nobody sees, and what turns the direction of what is beside it. */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}\u{115F}\u{1160}\u{3164}]/gu;

/** @param {unknown} value @returns {string} its JSON, with what cannot be seen written out */
const exactly = (value) => JSON.stringify(value).replace(UNSEEN, (one) => `\\u{${/** @type {number} */ (one.codePointAt(0)).toString(16)}}`);

/**
 * The values within a value, each by its path; what is empty is a value itself.
 * @param {unknown} value @param {string} [path] @returns {[string, string][]}
 */
function leaves(value, path = "") {
  const members = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (!members.length) return path ? [[path, exactly(value)]] : [];
  return members.flatMap(([name, one]) => leaves(one, Array.isArray(value) ? `${path}[${name}]` : `${path}${path ? "." : ""}${exactly(name).slice(1, -1)}`));
}

/**
 * Arguments as a table: alone, or side by side with what is approved instead.
 * @param {unknown} asked @param {unknown} other nothing where it is as asked @param {string} head what the other is
 * @returns {import("./render.js").View}
 */
function table(asked, other, head) {
  const old = new Map(leaves(asked));
  if (other === null || other === undefined) return html`<div class="scroll"><table class="plain"><caption class="sr">${a.arguments}</caption><tbody>${[...old].slice(0, MOST).map(([path, value]) => html`<tr><th scope="row" class="id">${path}</th><td class="id lines">${value}</td></tr>`)}${old.size > MOST ? html`<tr><td colspan="2" class="quiet">…</td></tr>` : null}</tbody></table></div>`;
  const now = new Map(leaves(other));
  const rows = [...new Set([...old.keys(), ...now.keys()])].map((path) => ({ path, old: old.get(path), now: now.get(path) }));
  const differs = rows.filter((row) => row.old !== row.now);
  const same = rows.length - differs.length;
  const shown = rows.length > MOST ? differs : rows;
  return html`<p role="status">${differs.length ? a.diff.count(differs.length) : a.diff.none}${shown.length < rows.length ? ` ${a.diff.same(same)}` : ""}</p>
    <table class="plain diff"><caption class="sr">${a.diff.label}</caption><thead><tr><th scope="col">${a.diff.name}</th><th scope="col">${a.diff.asked}</th><th scope="col">${head}</th></tr></thead>
    <tbody>${shown.map((row) => html`<tr><th scope="row" class="id">${row.path}${row.old === row.now ? null : html` <span class="tag">${row.old === undefined ? a.diff.added : row.now === undefined ? a.diff.removed : a.diff.changed}</span>`}</th>
      <td class="id lines" data-l=${a.diff.asked}>${row.old === undefined ? html`<span class="quiet">${a.diff.absent}</span>` : row.old === row.now ? row.old : html`<del>${row.old}</del>`}</td>
      <td class="id lines" data-l=${head}>${row.now === undefined ? html`<span class="quiet">${a.diff.absent}</span>` : row.old === row.now ? row.now : html`<ins>${row.now}</ins>`}</td></tr>`)}</tbody></table>`;
}

/**
 * @param {Question} one @param {unknown} [changed] the arguments that the reader is writing
 * @returns {Shown}
 */
export function actionOf(one, changed) {
  if (!one.action) return null;
  return html`<section class="stack wide"><h2>${a.action}</h2>
    <dl class="facts"><dt>${a.tool}</dt><dd><b class="id">${one.action.tool}</b></dd>${one.actionHash ? hash(a.hash, one.actionHash) : null}${one.approvedActionHash && one.approvedActionHash !== one.actionHash ? hash(a.approvedHash, one.approvedActionHash) : null}</dl>
    ${table(one.action.arguments, changed ?? one.approvedArguments, changed ? a.diff.yours : a.diff.approved)}
    ${one.decision ? became(one) : one.actWithinSeconds ? html`<p class="cap">${a.actWithin(span(one.actWithinSeconds * 1000))}</p>` : null}</section>`;
}

/** @param {string} label @param {string} value */
const hash = (label, value) => html`<dt>${label}</dt><dd class="row"><code class="id">${value}</code>${button(a.copy, () => copy(value, label), { kind: "bare", label: `${a.copy}: ${label}` })}</dd>`;

/** What became of an action that was decided. @param {Question} one */
function became(one) {
  if (one.decision === "respond") return html`<p class="soft">${a.notRun}</p>`;
  if (one.decision === "reject") return null;
  const left = one.actUntil ? Date.parse(one.actUntil) - state.now : Infinity;
  if (one.startedAt) return html`<p class="st good wraps">${icon("s-approved")}${a.started(one.startedBy ?? "", moment(one.startedAt))}</p>`;
  if (one.lapsedAt || left <= 0) return html`<p class="st wait wraps">${icon("c-late")}${a.lapsed(moment(one.lapsedAt ?? one.actUntil ?? ""))}</p>`;
  return html`<p class="st wraps">${icon("c-runs")}${one.actUntil ? a.mayStartUntil(moment(one.actUntil), countdown(left)) : a.mayStart}</p>`;
}

/** @param {Question} one @returns {Shown} the receipt of a decision, to be taken along */
export const receiptOf = (one) =>
  one.decision ? html`<p class="row">${button(a.receipt, () => attempt(a.notCopied, async () => copy(await get(`/interventions/${encodeURIComponent(one.id)}/receipt`), a.receiptTitle)))}<span class="cap">${a.receiptHelp}</span></p>` : null;

/** Copies a text; where the browser does not let it, it is shown to be copied by hand. @param {string} text @param {string} title */
async function copy(text, title) {
  try {
    await navigator.clipboard.writeText(text);
    say(a.copied);
  } catch {
    await ask({ title, body: () => html`<textarea class="area id" rows="6" readonly aria-label=${title} .value=${text} @focus=${(/** @type {any} */ event) => event.target.select()}></textarea>`, choices: [], cancel: t.shell.close });
  }
}
