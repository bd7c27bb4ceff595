/** The rows of what the reader chose: by type of decision, agent, tool, person or day. */
import { bars, columns, ranges } from "./charts.js";
import { f } from "./figures_texts.js";
import { typeOf } from "./parts.js";
import { language } from "./texts.js";
import { day, span } from "./time.js";

/**
 * @typedef {object} Row as GET /figures gives it
 * @property {string | null} key null for all others together
 * @property {string | null} name null where it is not known
 * @property {Cases} [cases] @property {Questions} [interventions]
 *
 * @typedef {{created: number, closedInTime: number, closedLate: number, medianSeconds: number | null, percentile90Seconds: number | null}} Cases
 * @typedef {{created?: number, decided: number, approved: number, edited: number, rejected: number, answered: number, expired?: number, withdrawn?: number, lapsed?: number, medianSeconds?: number | null, percentile90Seconds?: number | null}} Questions
 *
 * @typedef {Omit<import("./figures.js").Figure, "tabs">} Figure
 */

export const BY = /** @type {const} */ (["decisionType", "agent", "tool", "pilot", "day"]);
/** How many rows a chart shows; the table has all. */
const CHARTED = 12;

const number = new Intl.NumberFormat(language);
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });

/** @param {number | null | undefined} seconds */
const time = (seconds) => (seconds === null || seconds === undefined ? "–" : span(seconds * 1000));

/** @param {typeof BY[number]} by @param {Row[]} rows @returns {Figure} */
export const breakdown = (by, rows) => ({ decisionType: byType, agent: byAgent, tool: byTool, pilot: byPerson, day: byDay })[by](rows);

/** @param {Row[]} rows @returns {Figure} */
function byType(rows) {
  const found = rows.flatMap(({ key, cases }) => (cases ? [{ label: typeOf(key ?? f.others), ...cases }] : []));
  const closed = found.flatMap(({ label, medianSeconds, percentile90Seconds }) => (medianSeconds === null || percentile90Seconds === null ? [] : [{ label, from: Math.max(1, medianSeconds), to: Math.max(1, percentile90Seconds), text: `${time(medianSeconds)}, ${time(percentile90Seconds)}` }]));
  return {
    title: f.toClose.title,
    see: closed.length ? f.toClose.see : f.inTime.none,
    chart: closed.length ? ranges(f.toClose.title, closed.slice(0, CHARTED), f.marks) : null,
    head: [f.type, f.opened, f.inTime.inTime, f.inTime.late, f.median, f.ninety],
    rows: found.map((one) => [one.label, one.created, one.closedInTime, one.closedLate, time(one.medianSeconds), time(one.percentile90Seconds)]),
  };
}

/** @param {Row[]} rows @returns {Figure} */
function byAgent(rows) {
  const found = questionsOf(rows);
  const most = found.filter(({ decided }) => decided)[0];
  return {
    title: f.agents.title,
    see: most ? f.agents.see(most.label, most.decided, percent.format(most.approved / most.decided)) : f.nothingDecided,
    chart: found.length ? verdicts(f.agents.title, found) : null,
    ...ends(f.agent, found),
  };
}

/** @param {Row[]} rows @returns {Figure} */
function byTool(rows) {
  const found = questionsOf(rows);
  const lapsed = found.reduce((sum, one) => sum + (one.lapsed ?? 0), 0);
  return {
    title: f.tools.title,
    see: found.length ? f.tools.see(found.reduce((sum, { decided }) => sum + decided, 0), lapsed) : f.tools.none,
    chart: found.length ? verdicts(f.tools.title, found) : null,
    ...ends(f.tool, found),
  };
}

/** The table of how questions ended. @param {string} of @param {ReturnType<typeof questionsOf>} rows */
const ends = (of, rows) => ({
  head: [of, f.approved, f.edited, f.answered, f.rejected, f.ranOut, f.lapsed],
  rows: rows.map((one) => [one.label, one.approved, one.edited, one.answered, one.rejected, one.expired ?? 0, one.lapsed ?? 0]),
});

/** @param {Row[]} rows @returns {Figure} */
function byPerson(rows) {
  const found = questionsOf(rows);
  return {
    title: f.people.title,
    see: found.length ? f.people.see(found.length) : f.nothingDecided,
    chart: found.length ? verdicts(f.people.title, found) : null,
    head: [f.person, f.decided, f.approved, f.edited, f.answered, f.rejected],
    rows: found.map((one) => [one.label, one.decided, one.approved, one.edited, one.answered, one.rejected]),
  };
}

/** @param {Row[]} rows @returns {Figure} */
function byDay(rows) {
  const found = rows.flatMap(({ key, cases, interventions }) => (key && cases && interventions ? [{ label: day(`${key}T12:00`), cases, interventions }] : []));
  const opened = found.reduce((sum, { cases }) => sum + cases.created, 0);
  return {
    title: f.days.title,
    see: opened ? f.days.see(opened, found.length) : f.days.none,
    chart: opened ? columns(f.days.title, found.map(({ label, cases }) => ({ label, value: cases.created }))) : null,
    head: [f.day, f.opened, f.inTime.inTime, f.inTime.late, f.asked, f.approved, f.edited, f.answered, f.rejected, f.ranOut, f.withdrawn, f.median, f.ninety],
    rows: found.map(({ label, cases, interventions: one }) => [label, cases.created, cases.closedInTime, cases.closedLate, one.created ?? 0, one.approved, one.edited, one.answered, one.rejected, one.expired ?? 0, one.withdrawn ?? 0, time(one.medianSeconds), time(one.percentile90Seconds)]),
  };
}

/** @param {Row[]} rows */
const questionsOf = (rows) => rows.flatMap(({ key, name, interventions }) => (interventions ? [{ label: key === null ? f.others : name ?? f.nameless, ...interventions }] : []));

/** How questions ended. @param {string} title @param {ReturnType<typeof questionsOf>} rows */
function verdicts(title, rows) {
  const bar = (/** @type {typeof rows[number]} */ { label, decided, approved, edited, answered, rejected, expired = 0 }) => ({
    label,
    parts: [{ value: approved + answered, kind: "p1" }, { value: edited, kind: "p2" }, { value: rejected, kind: "p3" }, { value: expired, kind: "ph" }],
    end: number.format(decided + expired),
  });
  const legend = /** @type {[string, string][]} */ ([["p1", f.approvedOrAnswered], ["p2", f.edited], ["p3", f.rejected]]);
  return bars(title, rows.slice(0, CHARTED).map(bar), rows.some(({ expired }) => expired) ? [...legend, ["ph", f.ranOut]] : legend);
}
