/** The evidence of a case: what is in the packet, in which order, by drag and by keyboard. */
import { change, kase, tried } from "./case_data.js";
import { ask } from "./dialog.js";
import { button, icon, personOf, say, tagsOf } from "./parts.js";
import { html, keyed } from "./render.js";
import { may } from "./session.js";
import { changed } from "./state.js";
import { moment } from "./time.js";
import { t } from "./texts.js";

/** @typedef {import("./case_data.js").Evidence} Evidence */

/** @type {{id: string | null, over: string | null}} */
const drag = { id: null, over: null };

/** @returns {boolean} whether evidence can be changed now */
const open = () => may("verifier") && !["approved", "closed"].includes(kase.now.one?.status ?? "closed");

/** @returns {Evidence[]} what is shown: the packet in its order, then the rest, as far as the search finds it */
export function listed() {
  const { evidence, one, find } = kase.now;
  const order = one?.packetEvidenceIds ?? [];
  const inside = order.flatMap((id) => evidence.find((item) => item.id === id) ?? []);
  const sought = find.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (/** @type {Evidence} */ item) => [item.title, item.snippet, item.citation, ...item.tags].join(" ").toLowerCase();
  return [...inside, ...evidence.filter((item) => !order.includes(item.id))].filter((item) => sought.every((word) => text(item).includes(word)));
}

/** @returns {import("./render.js").View} */
export function evidenceList() {
  const { evidence, one, packet, find } = kase.now;
  const order = one?.packetEvidenceIds ?? [];
  const hashes = new Map(packet?.manifest.map((entry) => [entry.id, entry.sha256]));
  const shown = listed();
  return html`<div class="block-head inset tight" id="evidence"><h2 tabindex="-1">${t.case.evidence}</h2><span class="quiet">${evidence.length ? t.case.inPacketOf(order.length, evidence.length) : ""}</span>
      <label class="f push"><span class="sr">${t.case.searchEvidence}</span><input type="search" placeholder=${t.case.searchEvidence} size="16" .value=${find} @input=${(/** @type {any} */ event) => { kase.now.find = event.target.value; changed(); }}></label>${open() ? button(t.case.addEvidence, () => form()) : null}</div>
    ${shown.length ? html`<ol class="entries">${shown.map((item) => keyed(item.id, row(item, order.indexOf(item.id), order.length, hashes.get(item.id))))}</ol>` : html`<p class="inset quiet">${evidence.length ? t.case.noneFound : t.case.noEvidence}</p>`}`;
}

/** @param {Evidence} item @param {number} at its place in the packet, -1 outside @param {number} count @param {string | undefined} sha256 */
function row(item, at, count, sha256) {
  const editing = open();
  const kind = [kase.now.here === item.id ? "here" : "", drag.over === item.id && drag.id ? "over" : "", drag.id === item.id ? "dragged" : ""].join(" ");
  return html`<li class=${kind} data-evidence=${item.id} @focusin=${() => here(item.id)} @dragover=${(/** @type {DragEvent} */ event) => over(event, item.id)} @drop=${(/** @type {Event} */ event) => drop(event, at)}>
    <div class="m">${at < 0 ? html`<span aria-hidden="true">–</span><span class="sr">${t.case.notInPacket}</span>` : html`<span class="pos" draggable=${editing ? "true" : "false"} title=${editing ? t.case.dragOr : null} @dragstart=${(/** @type {DragEvent} */ event) => start(event, item.id)} @dragend=${stop}>${at + 1}</span>`}</div>
    <div class="e"><div class="line">${editing ? html`<button type="button" class="name plainly" @click=${() => form(item)}>${item.title}</button>` : html`<span class="name" tabindex="0">${item.title}</span>`}${item.citation && html`<span class="soft">${item.citation}</span>`}${tagsOf(item.tags)}</div>
      ${item.snippet && html`<div class="one" title=${item.snippet}>${item.snippet}</div>`}
      <div class="cap">${t.case.addedBy} ${personOf(item.addedBy)}, ${moment(item.addedAt)}${sha256 ? html`, SHA-256 <span class="id" title=${sha256}>${sha256.slice(0, 12)}…</span>` : null}</div></div>
    <div class="a">${editing ? html`${at >= 0 ? html`<button type="button" class="b square soft" ?disabled=${at === 0} aria-label=${t.case.moveUp(item.title)} title="Alt ↑" @click=${() => shift(item.id, -1)}>${icon("up")}</button><button type="button" class="b square soft" ?disabled=${at === count - 1} aria-label=${t.case.moveDown(item.title)} title="Alt ↓" @click=${() => shift(item.id, 1)}>${icon("down")}</button>` : null}<label class="toggle"><input type="checkbox" .checked=${at >= 0} @change=${() => flag(item)}>${t.case.inPacket}<span class="sr">: ${item.title}</span></label>` : at >= 0 ? html`<span class="cap">${t.case.inPacket}</span>` : null}</div>
  </li>`;
}

/** @param {string} id */
function here(id) {
  if (kase.now.here === id) return;
  kase.now.here = id;
  changed();
}

/** Moves to the next item, or the one before. @param {number} by */
export function step(by) {
  const rows = listed();
  if (!rows.length) return;
  const at = rows.findIndex((item) => item.id === kase.now.here);
  const item = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  here(item.id);
  queueMicrotask(() => /** @type {HTMLElement | null} */ (document.querySelector(`[data-evidence="${CSS.escape(item.id)}"] .name`))?.focus());
}

/** Chooses the packet's items and their order; the page shows it at once. @param {string[]} ids */
function curate(ids) {
  const { one } = kase.now;
  if (!one) return;
  kase.now.one = { ...one, packetEvidenceIds: ids };
  changed();
  return tried(t.case.notCurated, () => change("PUT", "/evidence", { packetEvidenceIds: ids }));
}

/** Moves an item of the packet. @param {string | null} id @param {number} by */
export function shift(id, by) {
  const ids = [...(kase.now.one?.packetEvidenceIds ?? [])];
  const at = ids.indexOf(id ?? "");
  if (!open() || at < 0 || at + by < 0 || at + by >= ids.length) return;
  ids.splice(at + by, 0, ...ids.splice(at, 1));
  say(t.case.movedTo(at + by + 1, ids.length));
  return curate(ids);
}

/** Takes an item into the packet, or out of it. @param {Evidence} item */
export function flag(item) {
  const ids = kase.now.one?.packetEvidenceIds ?? [];
  return open() ? curate(ids.includes(item.id) ? ids.filter((id) => id !== item.id) : [...ids, item.id]) : undefined;
}

/** @param {DragEvent} event @param {string} id */
function start(event, id) {
  drag.id = id;
  event.dataTransfer?.setData("text/plain", id);
  if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
  changed();
}

/** @param {DragEvent} event @param {string} id */
function over(event, id) {
  if (!drag.id) return;
  event.preventDefault();
  if (drag.over === id) return;
  drag.over = id;
  changed();
}

/** @param {Event} event @param {number} at where it is dropped; outside the packet it is taken out */
function drop(event, at) {
  event.preventDefault();
  const { id } = drag;
  stop();
  const ids = (kase.now.one?.packetEvidenceIds ?? []).filter((one) => one !== id);
  if (id && at >= 0) ids.splice(at, 0, id);
  if (id) curate(ids);
}

function stop() {
  Object.assign(drag, { id: null, over: null });
  changed();
}

/** Adds an item, or edits one. @param {Evidence} [item] */
export function form(item) {
  const field = (/** @type {string} */ label, /** @type {import("./render.js").View} */ input) => html`<label class="field"><span>${label}</span>${input}</label>`;
  const e = t.case.item;
  return ask({
    title: item ? e.edit : t.case.addEvidence,
    note: item ? undefined : kase.now.id,
    cancel: item ? undefined : e.none,
    body: () => html`${field(e.title, html`<input class="area" name="title" required maxlength="300" autofocus value=${item?.title}>`)}
      ${field(e.snippet, html`<textarea class="area" name="snippet" rows="6" .value=${item?.snippet ?? ""}></textarea>`)}
      ${field(e.citation, html`<input class="area" name="citation" maxlength="500" value=${item?.citation}>`)}
      ${field(e.source, html`<input class="area" name="source" maxlength="500" value=${item?.sourceId}>`)}
      ${field(e.tags, html`<input class="area" name="tags" value=${item?.tags.join(", ")}>`)}
      <label class="toggle"><input type="checkbox" name="packet" ?checked=${item?.includedInPacket ?? true}>${t.case.inPacket}</label>`,
    choices: [
      {
        text: item ? e.save : e.add,
        does: (data) => {
          const text = (/** @type {string} */ name) => String(data.get(name) ?? "");
          const given = { title: text("title").trim(), snippet: text("snippet"), citation: text("citation").trim() || null, sourceId: text("source").trim() || null, tags: text("tags").split(",").map((one) => one.trim()).filter(Boolean), includedInPacket: data.get("packet") === "on" };
          return item ? change("PATCH", `/evidence/${encodeURIComponent(item.id)}`, given) : change("POST", "/evidence", { evidence: [given] }, { unbased: true });
        },
      },
      ...(item ? [{ text: e.remove, kind: "stop", lax: true, does: () => change("DELETE", `/evidence/${encodeURIComponent(item.id)}`) }] : []),
    ],
  });
}
