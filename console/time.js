/**
 * Times and clocks, in the reader's zone: what is left first, the exact time beside it. Stored times
 * stay as they were sent; only what is shown is put into words.
 */
import { html } from "./render.js";
import { state } from "./state.js";
import { language, t } from "./texts.js";

/** @typedef {import("./render.js").View} View */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Under this, a countdown goes by the second. */
export const SHORT = 5 * MINUTE;

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(language, { hourCycle: "h23", ...options });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayMonth = format({ day: "numeric", month: "short" });
const dayYear = format({ day: "numeric", month: "short", year: "numeric" });
const weekday = format({ weekday: "long", day: "numeric", month: "long" });
const exactly = format({ dateStyle: "full", timeStyle: "long" });

/** @param {string | number | Date} time @returns {string} the day, such as Thursday, 26 November */
export const dayOf = (time) => weekday.format(new Date(time));

/** @param {string | number} time @returns {string} such as 14:38:04 */
export const toSeconds = (time) => seconds.format(new Date(time));

/** @param {string | number} time @returns {string} such as 17:40, on another day 27 Nov, 17:00 */
export function moment(time) {
  const date = new Date(time);
  if (sameDay(date, new Date(state.now))) return clock.format(date);
  return `${day(time)}, ${clock.format(date)}`;
}

/** @param {string | number} time @returns {string} the day alone, such as 27 Nov, with the year where it is another one */
export function day(time) {
  const date = new Date(time);
  return (date.getFullYear() === new Date(state.now).getFullYear() ? dayMonth : dayYear).format(date);
}

/** @param {string | number} time @returns {string} the whole time, with its zone */
export const exact = (time) => exactly.format(new Date(time));

/** @param {number} span in milliseconds @returns {string} such as 3 h 02 min */
export function span(span) {
  const minutes = Math.floor(Math.abs(span) / MINUTE);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  if (minutes < 1) return t.time.seconds(Math.floor(Math.abs(span) / 1000));
  if (minutes < 60) return t.time.minutes(minutes);
  if (minutes < 24 * 60) return t.time.hours(Math.floor(minutes / 60), two(minutes % 60));
  return t.time.days(Math.floor(minutes / 1440), two(Math.floor((minutes % 1440) / 60)));
}

/** @param {string | number} time @returns {string} how long ago, such as 4 min */
export function ago(time) {
  const passed = state.now - new Date(time).getTime();
  if (passed < MINUTE) return t.time.now;
  if (passed < HOUR) return t.time.minutes(Math.floor(passed / MINUTE));
  if (passed < DAY) return t.time.onlyHours(Math.floor(passed / HOUR));
  return t.time.onlyDays(Math.floor(passed / DAY));
}

/** @param {number} left in milliseconds @returns {string} such as 4:37 under five minutes, else as `span` */
export function countdown(left) {
  if (left >= SHORT) return span(left);
  const all = Math.max(0, Math.floor(left / 1000));
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}

/**
 * A time that says itself exactly on demand.
 * @param {string | null | undefined} time @param {string} [shown] @returns {View | null}
 */
export const timeOf = (time, shown) => (time ? html`<time datetime=${time} title=${exact(time)}>${shown ?? moment(time)}</time>` : null);

/**
 * How the clock of a case stands.
 * @typedef {{kind: "late" | "soon" | "later" | "stands" | "done" | "none", left: number | null}} Clock
 * @param {{status: string, dueAt: string | null, pausedAt: string | null}} one
 * @returns {Clock}
 */
export function clockOf(one) {
  const due = one.dueAt ? Date.parse(one.dueAt) : null;
  if (one.status === "approved" || one.status === "closed") return { kind: "done", left: null };
  if (one.pausedAt) return { kind: "stands", left: due && due - Date.parse(one.pausedAt) };
  if (due === null) return { kind: "none", left: null };
  const left = due - state.now;
  if (left <= 0) return { kind: "late", left };
  return { kind: sameDay(new Date(due), new Date(state.now)) ? "soon" : "later", left };
}

/** @param {Clock} clock @returns {string} such as 48 min over, or Paused, 9 h 40 min left */
export function inWords({ kind, left }) {
  if (kind === "done") return t.time.done;
  if (kind === "none") return t.time.noDue;
  if (kind === "stands") return left === null ? t.time.paused : left < 0 ? t.time.pausedOver(span(left)) : t.time.pausedLeft(span(left));
  return left !== null && left <= 0 ? t.time.over(span(left)) : t.time.left(span(left ?? 0));
}

/** @param {Date} one @param {Date} other */
const sameDay = (one, other) => one.toDateString() === other.toDateString();
