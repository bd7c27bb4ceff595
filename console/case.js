/** A case: everything about it on one page, and every move that is allowed now. */
import { kase, load } from "./case_data.js";
import { editCase } from "./case_edit.js";
import { evidenceList, flag, listed, shift, step } from "./case_evidence.js";
import { caseHead, isFree, release, take } from "./case_head.js";
import { packetAside } from "./case_packet.js";
import { questionList, runList, timeline } from "./case_side.js";
import { dismiss } from "./parts.js";
import { html } from "./render.js";
import { go } from "./router.js";
import { isMe, may } from "./session.js";
import { t } from "./texts.js";
import { loadSheet, saveAll, unsaved, worksheetForm } from "./worksheet.js";

/** Esc leads back to the queue as it was. */
const back = () => dismiss() || (history.length > 1 ? history.back() : go("#/cases"));

addEventListener("beforeunload", (event) => {
  if (unsaved()) event.preventDefault();
});

/** @type {import("./pages.js").Page} */
export const page = {
  nav: "cases",
  title: ({ id }) => (kase.now.one ? `${id}, ${kase.now.one.title}` : String(id)),
  open: async ({ id }) => {
    const case_ = String(id);
    await Promise.all([load(case_), may("viewer") ? loadSheet(case_) : null]);
  },
  view: ({ id }) => {
    const { one } = kase.now;
    if (!one || one.id !== id) return html`<p class="inset empty quiet">${t.shell.loading}</p>`;
    return html`<section class="case">
      <div class="inset">${caseHead(one)}</div>
      <div class="split"><div>${evidenceList()}${questionList()}${runList()}${timeline()}</div><aside aria-label=${t.case.aside}>${packetAside()}${may("viewer") ? worksheetForm() : null}</aside></div>
    </section>`;
  },
  keys: () => {
    const { one, here } = kase.now;
    const item = listed().find((shown) => shown.id === here);
    const open = one && may("verifier") && one.status !== "approved" && one.status !== "closed";
    return [
      { key: "j", does: () => step(1) },
      { key: "k", does: () => step(-1) },
      ...(open ? [{ key: "e", does: () => editCase() }, { key: "Alt+ArrowUp", does: () => shift(here, -1) }, { key: "Alt+ArrowDown", does: () => shift(here, 1) }] : []),
      ...(open && item ? [{ key: "x", does: () => flag(item) }] : []),
      ...(open && isFree(one) ? [{ key: "c", does: take }] : []),
      ...(open && isMe(one.assignedTo, one.assignedToSubject) ? [{ key: "u", does: release }] : []),
      { key: "Escape", does: back },
    ];
  },
  changed: async (changes) => {
    const { id, eventCount } = kase.now;
    const newer = (/** @type {import("./live.js").Change} */ one) => (one.subject === `cases/${id}` ? one.sequence > eventCount : one.caseId === id);
    if (changes.some(newer)) await load(id);
  },
  close: () => saveAll(true),
};
