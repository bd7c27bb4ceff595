/** The packet of a case as it will be filed, what was frozen, and what differs between them. */
import { fetchVersion, kase } from "./case_data.js";
import { ask } from "./dialog.js";
import { attempt, button, choice } from "./parts.js";
import { html } from "./render.js";
import { changed } from "./state.js";
import { dayOf, moment } from "./time.js";
import { t } from "./texts.js";
import { wordDiff } from "./words.js";

/** @typedef {import("./case_data.js").Packet} Packet */

/** @returns {Packet | null} the version that is shown */
const shown = () => (kase.now.version === null ? kase.now.packet : (kase.now.frozen.get(kase.now.version) ?? null));

/** @returns {import("./render.js").View} */
export function packetAside() {
  const { packet, newest, version } = kase.now;
  const draft = packet?.state === "draft";
  const before = kase.now.frozen.get(version === null ? newest : version - 1);
  const one = shown();
  /** @type {[string, string][]} */
  const options = [...(draft ? [/** @type {[string, string]} */ (["", t.case.draftOf(newest + 1)])] : []), ...Array.from({ length: newest }, (_, index) => /** @type {[string, string]} */ ([String(newest - index), t.case.frozenVersion(newest - index)]))];
  const value = version === null ? (draft ? "" : String(newest)) : String(version);
  return html`<div class="block-head tight" id="packet"><h2 tabindex="-1">${t.case.packet}</h2><span class="quiet">${one?.state === "draft" ? t.case.asFiled : t.case.asWasFiled}</span>${options.length > 1 ? choice(t.case.version, value, options, choose, { kind: "push", unset: value }) : null}</div>
    ${before && one && before !== one ? since(before, one) : null}
    <p class="row cap no-print">${newest > 0 && options.length > 1 ? button(t.case.compare, compare) : null}${button(t.case.print, () => print())}${button(t.case.printPacket, printPacket)}</p>
    ${one ? paper(one) : html`<p class="quiet">${t.case.noPacket}</p>`}`;
}

/** @param {string} value */
async function choose(value) {
  kase.now.version = value ? Number(value) : null;
  if (kase.now.version !== null) {
    await attempt(t.shell.notShown, () => fetchVersion(Number(value)));
    if (kase.now.version > 1) await attempt(t.shell.notShown, () => fetchVersion(Number(value) - 1));
  }
  changed();
}

/** @param {Packet} before @param {Packet} now */
function since(before, now) {
  const [was, is] = [before, now].map((one) => new Map(one.items.map((item) => [item.id, item])));
  const hash = (/** @type {Packet} */ one, /** @type {string} */ id) => one.manifest.find((entry) => entry.id === id)?.sha256;
  const come = now.items.filter((item) => !was.has(item.id)).map((item) => html` <ins>${item.title}</ins>`);
  const gone = before.items.filter((item) => !is.has(item.id)).map((item) => html` <del>${item.title}</del>`);
  const other = now.items.filter((item) => was.has(item.id) && hash(before, item.id) !== hash(now, item.id)).map((item) => html` ${t.case.reworded(item.title)}`);
  const moved = before.items.map((item) => item.id).filter((id) => is.has(id)).join() !== now.items.map((item) => item.id).filter((id) => was.has(id)).join();
  const nothing = !come.length && !gone.length && !other.length && !moved;
  return html`<p class="cap since">${t.case.since(before.version ?? 0)}${come}${gone}${other}${moved ? ` ${t.case.orderDiffers}` : ""}${nothing ? ` ${t.case.nothingDiffers}` : ""}</p>`;
}

/** @param {Packet} one @returns {import("./render.js").View} */
export function paper(one) {
  const name = one.version === null ? t.case.paperDraft(kase.now.newest + 1, dayOf(Date.now())) : t.case.paperFrozen(one.version, moment(one.frozenAt ?? 0), one.frozenBy ?? "");
  const added = new Map(kase.now.evidence.map((item) => [item.id, item.addedBy]));
  return html`<article class="paper" aria-label=${`${t.case.packet}, ${name}`}>
    <h3>${one.title}</h3><p class="from">${kase.now.id}. ${name}</p>
    ${one.items.map((item, index) => html`<section><h4>${index + 1}. ${item.title}</h4><p class="from">${item.citation ?? (added.has(item.id) ? t.case.attachedBy(added.get(item.id) ?? "") : "")}</p><p class="lines">${item.snippet}</p></section>`)}
    ${one.items.length ? null : html`<p class="from">${one.version === null ? t.case.emptyPacket : t.case.emptyVersion}</p>`}
    <footer>${t.case.items(one.items.length)} SHA-256 ${one.sha256}</footer>
  </article>`;
}

/** Shows two versions item by item, words that went struck, words that came underlined. */
async function compare() {
  const { newest, packet } = kase.now;
  let [from, to] = packet?.state === "draft" ? [newest, 0] : [Math.max(1, newest - 1), newest];
  await fetchVersion(from);
  const of = (/** @type {number} */ version) => (version ? kase.now.frozen.get(version) : packet) ?? null;
  /** @type {[string, string][]} */
  const options = [...(packet?.state === "draft" ? [/** @type {[string, string]} */ (["0", t.case.draftOf(newest + 1)])] : []), ...Array.from({ length: newest }, (_, index) => /** @type {[string, string]} */ ([String(newest - index), t.case.frozenVersion(newest - index)]))];
  /** @param {() => void} redraw @param {number} one @param {number} other */
  const set = async (redraw, one, other) => {
    [from, to] = [one, other];
    for (const version of [from, to]) if (version) await fetchVersion(version);
    redraw();
  };
  return ask({
    title: t.case.compareTitle,
    size: "wide",
    body: (redraw) => html`<p class="row">${choice(t.case.from, String(from), options.filter(([value]) => value !== "0"), (value) => set(redraw, Number(value), to), { unset: String(from) })}${choice(t.case.to, String(to), options, (value) => set(redraw, from, Number(value)), { unset: String(to) })}</p>${both(of(from), of(to))}`,
    choices: [],
    cancel: t.shell.close,
  });
}

/** @param {Packet | null} one @param {Packet | null} other */
function both(one, other) {
  if (!one || !other) return null;
  const ids = [...new Set([...other.items, ...one.items].map((item) => item.id))];
  const text = (/** @type {Packet} */ packet, /** @type {string} */ id) => packet.items.find((item) => item.id === id);
  const place = (/** @type {Packet} */ packet, /** @type {string} */ id) => packet.items.findIndex((item) => item.id === id) + 1;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t.case.compareTitle}><table class="plain diff"><thead><tr><th scope="col">${t.case.place}</th><th scope="col">${t.case.itemHead}</th></tr></thead><tbody>${ids.map((id) => {
    const [was, is] = [text(one, id), text(other, id)];
    const [from, to] = [place(one, id), place(other, id)];
    const title = was && is ? wordDiff(was.title, is.title) : is ? html`<ins>${is.title}</ins>` : html`<del>${was?.title}</del>`;
    return html`<tr><th scope="row">${from === to ? to : html`${from ? html`<del>${from}</del> ` : null}${to ? html`<ins>${to}</ins>` : null}`}</th><td><b>${title}</b><br>${was && is ? wordDiff(was.snippet, is.snippet) : html`<span class="soft lines">${(is ?? was)?.snippet}</span>`}</td></tr>`;
  })}</tbody></table></div>`;
}

/** Prints the packet alone. */
function printPacket() {
  document.body.classList.add("packet-alone");
  addEventListener("afterprint", () => document.body.classList.remove("packet-alone"), { once: true });
  print();
}
