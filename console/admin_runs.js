/** What runs by itself: when, and what it last did. */
import { icon } from "./parts.js";
import { html } from "./render.js";
import { state } from "./state.js";
import { moment, timeOf } from "./time.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Run a scheduled function, and its last run
 * @property {keyof typeof t.admin.runNames} name
 * @property {string} cron its times, in UTC
 * @property {{startedAt: string, complete: boolean, failed: number, done: number} | null} last
 */

/** @param {Run[] | null} runs @returns {import("./render.js").Shown} */
export function scheduledRuns(runs) {
  if (!runs) return null;
  return html`<div class="block-head"><h2>${t.admin.runs}</h2><span class="quiet">${t.admin.runsNote}</span></div>
    <div class="scroll" tabindex="0" role="region" aria-label=${t.admin.runs}><table class="plain"><thead><tr><th scope="col">${t.admin.what}</th><th scope="col">${t.admin.when}</th><th scope="col">${t.admin.lastRun}</th><th scope="col">${t.admin.did}</th></tr></thead>
    <tbody>${runs.map(({ name, cron, last }) => html`<tr><th scope="row">${t.admin.runNames[name] ?? name}</th><td>${whenOf(cron)}</td><td>${last ? timeOf(last.startedAt) : html`<span class="quiet">${t.admin.notYet}</span>`}</td><td>${last ? outcome(last) : null}</td></tr>`)}</tbody></table></div>`;
}

/** @param {string} cron times in UTC @returns {string} the usual ones in words, and in the reader's time */
function whenOf(cron) {
  const [, minute, hour] = /^(\S+) (\S+) \* \* \*$/.exec(cron) ?? [];
  if (minute === "*" && hour === "*") return t.admin.every(1);
  if (/^\*\/\d+$/.test(minute) && hour === "*") return t.admin.every(Number(minute.slice(2)));
  if (/^\d+$/.test(minute) && hour === "*") return t.admin.hourly(minute.padStart(2, "0"));
  if (/^\d+$/.test(minute) && /^\d+$/.test(hour)) return t.admin.daily(moment(new Date(state.now).setUTCHours(Number(hour), Number(minute), 0, 0)).split(", ").at(-1) ?? "");
  return cron;
}

/** @param {NonNullable<Run["last"]>} last */
function outcome({ complete, failed, done }) {
  if (failed) return html`<span class="st stop wraps">${icon("s-blocked")}${t.admin.failed(done, failed)}</span>`;
  if (!complete) return html`<span class="st wait wraps">${icon("c-stands")}${t.admin.incomplete(done)}</span>`;
  return html`<span class="st ok wraps">${icon("s-approved")}${t.admin.complete(done)}</span>`;
}
