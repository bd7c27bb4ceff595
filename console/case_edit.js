/** Changes what a case says. Where it changed while one wrote, both versions are shown, and nothing is lost. */
import { call, get, Problem } from "./api.js";
import { kase, load, pathOf } from "./case_data.js";
import { ask } from "./dialog.js";
import { worded } from "./events.js";
import { html } from "./render.js";
import { toSeconds } from "./time.js";
import { t } from "./texts.js";
import { pieces, wordDiff } from "./words.js";

/** @typedef {Record<string, any>} Values of the fields by name */

const FIELDS = /** @type {const} */ (["title", "summary", "decisionType", "severity", "tags", "dueAt"]);

/** @param {Values} one @returns {Values} what can be edited of a case */
const editable = (one) => Object.fromEntries(FIELDS.map((name) => [name, one[name]]));
const same = (/** @type {any} */ one, /** @type {any} */ other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
const differing = (/** @type {Values} */ base, /** @type {Values} */ now) => FIELDS.filter((name) => !same(base[name], now[name]));

/**
 * Opens the form.
 * @param {Values} [draft] what was written before @param {Values} [from] what that was based on
 * @returns {Promise<void>}
 */
export async function editCase(draft, from) {
  const { id, one, etag } = kase.now;
  if (!one || one.status === "approved" || one.status === "closed") return;
  const base = from ?? editable(one);
  const values = draft ?? { ...base };
  let conflict = false;
  await ask({
    title: t.case.editTitle,
    note: id,
    body: () => html`${field("title", html`<input class="area" name="title" required maxlength="300" autofocus value=${values.title}>`)}
      ${field("summary", html`<textarea class="area" name="summary" rows="4" .value=${values.summary ?? ""}></textarea>`)}
      ${field("decisionType", html`<input class="area" name="decisionType" required maxlength="100" value=${values.decisionType}>`)}
      ${field("severity", html`<select class="area" name="severity" .value=${values.severity}>${Object.entries(t.severity).map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select>`)}
      ${field("tags", html`<input class="area" name="tags" value=${values.tags.join(", ")}>`)}
      ${field("dueAt", html`<input class="area" type="datetime-local" name="dueAt" value=${local(values.dueAt)}>`)}`,
    choices: [{
      text: t.case.save,
      does: async (form) => {
        read(form, values);
        const patch = Object.fromEntries(differing(base, values).map((name) => [name, values[name]]));
        if (!Object.keys(patch).length) return;
        try {
          await call("PATCH", pathOf(id), { body: patch, ifMatch: from ? kase.now.etag : etag });
          await load(id);
        } catch (error) {
          if (!(error instanceof Problem && error.code === 412)) throw error;
          conflict = true;
        }
      },
    }],
  });
  if (conflict) await resolve(base, values);
}

/** Shows both versions, and saves what is chosen of them. @param {Values} base @param {Values} mine */
async function resolve(base, mine) {
  const { id } = kase.now;
  await load(id);
  const theirs = editable(/** @type {Values} */ (kase.now.one));
  const [last] = (await get(pathOf(id, "/audit"), { pageSize: 1 })).events;
  const who = last?.actor.email ?? last?.actor.subject ?? "";
  const names = FIELDS.filter((name) => !same(theirs[name], mine[name]) && (!same(base[name], mine[name]) || !same(base[name], theirs[name])));
  const touched = (/** @type {string} */ name) => !same(base[name], mine[name]);
  let kept = true;
  const taken = await ask({
    title: t.case.conflictTitle,
    size: "wide",
    cancel: t.case.keepWriting,
    body: () => html`<p>${t.case.conflict(who, id, toSeconds(last?.createdAt ?? Date.now()))}</p>
      <div class="scroll"><table class="plain diff"><thead><tr><th scope="col">${t.case.field}</th><th scope="col">${t.case.theirs(who)}</th><th scope="col">${t.case.yours}</th><th scope="col">${t.case.keep}</th></tr></thead>
      <tbody>${names.map((name) => html`<tr><th scope="row">${t.trail.field(name)}</th><td data-l=${t.case.theirs(who)}>${against(name, base[name], theirs[name])}</td><td data-l=${t.case.yours} class=${touched(name) ? "" : "quiet"}>${touched(name) ? against(name, base[name], mine[name]) : t.case.untouched}</td>
        <td data-l=${t.case.keep}><span class="row">${touched(name) ? html`<label class="toggle"><input type="radio" name=${name} value="theirs">${t.case.keepTheirs}</label><label class="toggle"><input type="radio" name=${name} value="mine" checked>${t.case.keepMine}</label>` : html`<span class="soft">${t.case.keepTheirs}</span>`}</span></td></tr>`)}</tbody></table></div>`,
    choices: [
      {
        text: t.case.saveChoices,
        does: async (form) => {
          const chosen = Object.fromEntries(names.filter((name) => form.get(name) === "mine").map((name) => [name, mine[name]]));
          if (Object.keys(chosen).length) await call("PATCH", pathOf(id), { body: chosen, ifMatch: kase.now.etag });
          await load(id);
        },
      },
      { text: t.case.dropMine, does: () => void (kept = false) },
    ],
  });
  const written = Object.fromEntries(FIELDS.filter(touched).map((name) => [name, mine[name]]));
  if (!taken && kept) await editCase({ ...theirs, ...written }, theirs);
}

/** @param {string} name @param {any} old @param {any} now */
function against(name, old, now) {
  if (typeof old === "string" && typeof now === "string" && name !== "dueAt" && name !== "severity") return pieces(old, now).length > 1 || old !== now ? wordDiff(old, now) : now;
  const text = (/** @type {any} */ value) => (value === null || value === undefined || value === "" ? t.trail.nothing : Array.isArray(value) ? value.join(", ") || t.trail.nothing : worded(name, value));
  return same(old, now) ? text(now) : html`<del>${text(old)}</del> <ins>${text(now)}</ins>`;
}

/** @param {FormData} form @param {Values} values */
function read(form, values) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const due = text("dueAt");
  Object.assign(values, { title: text("title"), summary: text("summary") || null, decisionType: text("decisionType"), severity: text("severity"), tags: [...new Set(text("tags").split(",").map((one) => one.trim()).filter(Boolean))], dueAt: due === local(values.dueAt) ? values.dueAt : due ? new Date(due).toISOString() : null });
}

/** @param {string} name @param {import("./render.js").View} input */
const field = (name, input) => html`<label class="field"><span>${t.case.fields[/** @type {"title"} */ (name)]}</span>${input}</label>`;

/** @param {string | null} time */
const local = (time) => (time ? new Date(Date.parse(time) - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "");
