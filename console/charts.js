/** Charts as SVG with their numbers on them. Each part of one is a `g`, which is drawn wherever it stands. */
import { html } from "./render.js";

/**
 * @typedef {import("./render.js").View} View
 *
 * @typedef {object} Bar
 * @property {string} label @property {{value: number, kind: string}[]} parts kinds are classes: p1, p2, p3, ph
 * @property {string} end what stands behind the bar @property {boolean} [late] whether that is a warning
 * @property {string} [right] what stands at the right edge
 *
 * @typedef {{label: string, value: number}} Point
 * @typedef {{label: string, from: number, to: number, text: string}} Range
 */

const WIDTH = 640;
const LEFT = 132;
const ROW = 27;
const BAR = 20;
const TOP = 22;
/** From this width on a number fits into a bar. */
const FITS = 20;
const LABEL = 20;

/** @param {string} text @returns {string} as much of it as fits beside the bars */
const clipped = (text) => (text.length > LABEL ? `${text.slice(0, LABEL - 1)}…` : text);

/** @param {string} label @param {number} height @param {unknown} inside */
const chart = (label, height, inside) => html`<svg viewBox=${`0 0 ${WIDTH} ${height}`} role="img" aria-label=${label}>${inside}</svg>`;

/** @param {number} most @returns {number[]} three or four round numbers from above 0 up to at least `most` */
function steps(most) {
  const rough = Math.max(most, 1e-9) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = /** @type {number} */ ([1, 2, 5, 10].find((one) => one * power >= rough)) * power;
  return Array.from({ length: Math.max(1, Math.ceil(most / step - 1e-9)) }, (_, index) => Number(((index + 1) * step).toPrecision(12)));
}

/** Bars on their side, each of parts. @param {string} label @param {Bar[]} rows @param {[kind: string, text: string][]} [legend] @returns {View} */
export function bars(label, rows, legend = []) {
  const room = rows.some(({ right }) => right) ? 230 : 60;
  const most = Math.max(1, ...rows.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0)));
  const scale = (WIDTH - LEFT - room) / most;
  const top = legend.length ? TOP : 4;
  return chart(label, top + rows.length * ROW, [
    ...legend.map(([kind, text], index) => {
      const x = legend.slice(0, index).reduce((x, [, before]) => x + Math.max(112, 32 + before.length * 7), LEFT);
      return html`<g><rect class=${kind} x=${x} y="0.5" width="10" height="10" /><text x=${x + 16} y="10">${text}</text></g>`;
    }),
    ...rows.map(({ label, parts, end, late, right }, index) => {
      const y = top + index * ROW;
      let x = LEFT;
      const drawn = parts.filter(({ value }) => value > 0).map(({ value, kind }) => {
        const width = value * scale;
        const from = x;
        x += width;
        return html`<g><rect class=${kind} x=${from + 0.5} y=${y} width=${Math.max(1, width - 2)} height=${BAR} />${width >= FITS && kind !== "ph" ? html`<g><text class=${kind === "p1" ? "on" : "v"} x=${from + 8} y=${y + 14}>${value}</text></g>` : null}</g>`;
      });
      return html`<g><text x=${LEFT - 8} y=${y + 14} text-anchor="end">${clipped(label)}</text>${drawn}<text class=${late ? "late" : "v"} x=${x + 8} y=${y + 14}>${end}</text>${right ? html`<g><text class="v" x=${WIDTH} y=${y + 14} text-anchor="end">${right}</text></g>` : null}</g>`;
    }),
    html`<g><line class="base" x1=${LEFT} y1=${top - 2} x2=${LEFT} y2=${top + rows.length * ROW - 4} /></g>`,
  ]);
}

const HIGH = 120;
const FOOT = 136;
const MARGIN = 40;

/** The lines and numbers behind columns and lines. @param {number[]} ticks @param {(value: number) => string} written */
const ruled = (ticks, written) => [
  ...ticks.map((tick) => html`<g><line class="ax" x1=${MARGIN} y1=${height(tick, ticks)} x2=${WIDTH} y2=${height(tick, ticks)} /><text x=${MARGIN - 6} y=${height(tick, ticks) + 4} text-anchor="end">${written(tick)}</text></g>`),
  html`<g><line class="base" x1=${MARGIN} y1=${HIGH} x2=${WIDTH} y2=${HIGH} /></g>`,
];

/** @param {number} value @param {number[]} ticks @returns {number} where it is, from the top */
const height = (value, ticks) => HIGH - (value / (ticks.at(-1) ?? 1)) * (HIGH - 18);

/** Where some of the labels stand, below. @param {Point[]} points @param {number} width of each */
function below(points, width) {
  const each = Math.max(1, Math.ceil(points.length / 5));
  return points.map(({ label }, index) => (index % each ? null : html`<g><text x=${MARGIN + (index + 0.5) * width} y=${FOOT} text-anchor=${index ? "middle" : "start"}>${label}</text></g>`));
}

/** Columns side by side, with the number on the highest. @param {string} label @param {Point[]} points @returns {View} */
export function columns(label, points) {
  const most = Math.max(...points.map(({ value }) => value));
  const ticks = steps(most).filter((tick) => Number.isInteger(tick));
  const width = (WIDTH - MARGIN) / points.length;
  const first = points.findIndex(({ value }) => value === most);
  return chart(label, FOOT + 4, [
    ...ruled(ticks.length ? ticks : [1], String),
    ...points.map(({ value }, index) => (value ? html`<g><rect class="p1" x=${MARGIN + index * width + width * 0.12} y=${height(value, ticks)} width=${width * 0.76} height=${HIGH - height(value, ticks)} /></g>` : null)),
    html`<g><text class="v" x=${MARGIN + (first + 0.5) * width} y=${height(most, ticks) - 5} text-anchor="middle">${most}</text></g>`,
    ...below(points, width),
  ]);
}

/** A line through points, with the number on the first and the last. @param {string} label @param {Point[]} points @param {(value: number) => string} written @returns {View} */
export function line(label, points, written) {
  const ticks = steps(Math.max(0.01, ...points.map(({ value }) => value)));
  const width = (WIDTH - MARGIN) / points.length;
  const at = points.map(({ value }, index) => /** @type {const} */ ([MARGIN + (index + 0.5) * width, height(value, ticks)]));
  const ends = points.length > 1 ? [0, points.length - 1] : [0];
  return chart(label, FOOT + 4, [
    ...ruled(ticks, written),
    html`<g><polyline class="pl" points=${at.map((place) => place.join(",")).join(" ")} /></g>`,
    ...at.map(([x, y]) => html`<g><circle class="p1" cx=${x} cy=${y} r="3" /></g>`),
    ...ends.map((index) => html`<g><text class="v" x=${at[index][0]} y=${at[index][1] - 8} text-anchor=${index && at[index][0] > WIDTH - 24 ? "end" : "middle"}>${written(points[index].value)}</text></g>`),
    ...below(points, width),
  ]);
}

/** From a dot to a bar, on a scale of powers. @param {string} label @param {Range[]} rows @param {[at: number, text: string][]} marks @returns {View} */
export function ranges(label, rows, marks) {
  const low = Math.min(...rows.map(({ from }) => from)) / 1.5;
  const high = Math.max(...rows.map(({ to }) => to)) * 1.1;
  const end = WIDTH - 170;
  const place = (/** @type {number} */ value) => LEFT + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (end - LEFT);
  const foot = TOP + rows.length * ROW;
  return chart(label, foot, [
    ...marks.filter(([at]) => at >= low && at <= high).map(([at, text]) => html`<g><line class="ax" x1=${place(at)} y1=${TOP - 6} x2=${place(at)} y2=${foot} /><text x=${place(at)} y="10" text-anchor="middle">${text}</text></g>`),
    ...rows.map(({ label, from, to, text }, index) => {
      const y = TOP + index * ROW + 10;
      return html`<g><text x=${LEFT - 8} y=${y + 4} text-anchor="end">${clipped(label)}</text><line class="pl" x1=${place(from)} y1=${y} x2=${place(to)} y2=${y} /><circle class="p1" cx=${place(from)} cy=${y} r="4" /><rect class="p1" x=${place(to) - 1.5} y=${y - 6} width="3" height="12" /><text class="v" x=${WIDTH} y=${y + 4} text-anchor="end">${text}</text></g>`;
    }),
  ]);
}
