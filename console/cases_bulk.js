/** What is done with many cases at once: each is done or refused by itself, and refused ones stay selected. */
import { call, Problem } from "./api.js";
import { ask } from "./dialog.js";
import { button, icon, inSentences, refuse, say } from "./parts.js";
import { pick } from "./people.js";
import { figures, load, queue, update } from "./queue.js";
import { html } from "./render.js";
import { may } from "./session.js";
import { changed } from "./state.js";
import { t } from "./texts.js";

/** @typedef {{caseId: string, ok: boolean, error?: {message: string}}} Result */

const AT_ONCE = 4;

/** @returns {import("./render.js").Shown} */
export function bulkBar() {
  const count = queue.selected.size;
  if (!count || !may("verifier")) return null;
  const b = t.cases.bulk;
  return html`<div class="bulk" role="region" aria-label=${b.region}>
    <span class="n">${count}</span><span>${b.selected}</span>
    ${button(b.claim, claimAll)}
    ${button(b.assign, () => pick(null, (name) => change({ assignedTo: name }, name ? b.assigned(name) : b.freed)))}
    ${button(b.tag, askTags)}${button(b.severity, askSeverity)}${button(b.status, askStatus)}${button(b.close, askClose, { kind: "stop" })}
    <span class="push quiet">${b.each} <kbd aria-hidden="true">Esc</kbd> ${b.clears}</span>
  </div>`;
}

/** @param {Record<string, unknown>} body what to change of all of them @param {string} done what was done with each */
async function change(body, done) {
  const { results } = (await call("POST", "/cases:update", { body: { caseIds: [...queue.selected], ...body } })).body;
  tell(results, done);
}

/** Takes all that nobody has; none is taken from anybody. */
async function claimAll() {
  /** @type {Result[]} */
  const results = [];
  const left = [...queue.selected];
  const one = async () => {
    for (let id = left.shift(); id; id = left.shift()) {
      const caseId = id;
      await call("POST", `/cases/${encodeURIComponent(id)}:claim`).then(
        ({ body }) => (update(body), results.push({ caseId, ok: true })),
        (error) => results.push({ caseId, ok: false, error: { message: error instanceof Problem && error.code ? error.message : inSentences(error) } }),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  tell(results, t.cases.bulk.claimed);
}

/** @param {Result[]} results @param {string} done */
async function tell(results, done) {
  const refused = results.filter((one) => !one.ok);
  queue.selected = new Set(refused.map((one) => one.caseId));
  const summary = t.cases.bulk.summary(results.length - refused.length, refused.length);
  say(summary);
  changed();
  if (refused.length)
    ask({
      title: t.cases.bulk.results,
      body: () => html`<div class="scroll"><table class="plain"><tbody>${results.map((one) => html`<tr><th scope="row"><span class="id">${one.caseId}</span></th><td>${one.ok ? html`<span class="st good">${icon("s-approved")}${done}</span>` : html`<span class="st stop">${icon("s-blocked")}${t.cases.bulk.refused}</span> ${one.error?.message}`}</td></tr>`)}</tbody></table></div><p class="cap">${summary} ${t.cases.bulk.stay(refused.length)}</p>`,
      choices: [],
      cancel: t.shell.close,
    });
  await Promise.all([load(queue.asked), figures()]).catch((error) => refuse(t.shell.notShown, error));
}

const askTags = () =>
  ask({
    title: t.cases.bulk.tagTitle(queue.selected.size),
    body: () => html`<label class="field"><span>${t.cases.bulk.add}</span><input class="area" name="add" maxlength="500" autofocus autocomplete="off"></label><label class="field"><span>${t.cases.bulk.remove}</span><input class="area" name="remove" maxlength="500" autocomplete="off"></label><p class="cap">${t.cases.bulk.commas}</p>`,
    choices: [{ text: t.cases.bulk.tagIt, does: (form) => change({ addTags: words(form.get("add")), removeTags: words(form.get("remove")) }, t.cases.bulk.tagged) }],
  });

const askSeverity = () =>
  ask({
    title: t.cases.bulk.severityTitle(queue.selected.size),
    body: () => html`<label class="field"><span>${t.cases.columns.severity}</span><select class="area" name="severity">${Object.entries(t.severity).map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>`,
    choices: [{ text: t.cases.bulk.severityIt, does: (form) => change({ severity: form.get("severity") }, t.cases.bulk.severitySet) }],
  });

const askStatus = () =>
  ask({
    title: t.cases.bulk.statusTitle(queue.selected.size),
    body: () => html`<label class="field"><span>${t.cases.columns.status}</span><select class="area" name="status">${Object.entries(t.status).filter(([value]) => value !== "new" && value !== "closed").map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label><label class="field"><span>${t.cases.bulk.reasonFor}</span><textarea class="area" name="reason" rows="2" maxlength="2000"></textarea></label>`,
    choices: [{ text: t.cases.bulk.statusIt, does: (form) => change({ status: form.get("status"), reason: String(form.get("reason")).trim() || null }, t.cases.bulk.moved) }],
  });

const askClose = () =>
  ask({
    title: t.cases.bulk.closeTitle(queue.selected.size),
    body: () => html`<label class="field"><span>${t.case.reason}</span><textarea class="area" name="reason" rows="3" maxlength="2000" required placeholder=${t.case.reasonHint}></textarea></label><label class="toggle"><input type="checkbox" name="end">${t.case.endOpen}</label>`,
    choices: [{ text: t.cases.bulk.closeIt, kind: "stop", does: (form) => change({ status: "closed", reason: String(form.get("reason")).trim(), endOpen: form.get("end") === "on" }, t.cases.bulk.closed) }],
  });

/** @param {FormDataEntryValue | null} text @returns {string[]} */
const words = (text) => String(text ?? "").split(",").map((one) => one.trim()).filter(Boolean);
