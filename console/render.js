/**
 * Shows views: `render(container, html`<p>${text}</p>`)`. A view that is shown again from the same
 * template changes only what differs; lists of keyed views keep the elements of each key. So the
 * focus, what is selected and how far something is scrolled stay where they are.
 */
import { parsed } from "./template.js";

/**
 * @typedef {{strings: TemplateStringsArray, values: readonly unknown[], key: string | undefined}} View
 * @typedef {View | string | number | null | undefined | false | readonly any[]} Shown views, texts, nothing, or a list of those
 * @typedef {import("./template.js").Template} Template
 * @typedef {import("./template.js").Place} Place
 */

/** @type {WeakMap<TemplateStringsArray, Template>} */
const templates = new WeakMap();
const ADDRESS = /^(?:#|\/(?!\/)|https?:|mailto:|blob:)/i;
const ADDRESSES = new Set(["href", "src", "xlink:href", "action", "formaction"]);

/**
 * A view of a template with values. Values are text, never markup.
 * @param {TemplateStringsArray} strings
 * @param {...unknown} values
 * @returns {View}
 */
export const html = (strings, ...values) => ({ strings, values, key: undefined });

/**
 * A view in a list, known by its key, which only it has.
 * @param {string} key @param {View} view @returns {View}
 */
export const keyed = (key, view) => ({ ...view, key });

/** What is shown of one view. */
class Instance {
  /** @param {View} view */
  constructor(view) {
    const template = templates.get(view.strings) ?? parsed(view.strings);
    templates.set(view.strings, template);
    this.strings = view.strings;
    this.key = view.key;
    const fragment = document.importNode(template.fragment, true);
    /** @type {Node[]} */
    const nodes = [];
    const walker = document.createTreeWalker(fragment);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    // Properties come last: the value of a select needs its options.
    this.parts = template.places
      .map((place) => (place.kind === "child" ? new Children(nodes[place.node], place.first) : new Setting(nodes[place.node], place)))
      .sort((one, other) => one.rank - other.rank);
    this.fragment = fragment;
    if (!fragment.firstChild) fragment.append(document.createComment(""));
    this.first = /** @type {Node} */ (fragment.firstChild);
    this.last = /** @type {Node} */ (fragment.lastChild);
    this.fill(view.values);
  }

  /** @param {readonly unknown[]} values */
  fill(values) {
    for (const part of this.parts) part.fill(values);
  }

  /** @param {Node} before */
  place(before) {
    if (this.last.nextSibling === before && this.last.parentNode === before.parentNode) return;
    const fragment = this.fragment;
    if (!fragment.firstChild) for (const node of [...this.nodes()]) fragment.append(node);
    before.parentNode?.insertBefore(fragment, before);
  }

  *nodes() {
    for (let node = /** @type {Node | null} */ (this.first); node; ) {
      const next = node === this.last ? null : node.nextSibling;
      yield /** @type {ChildNode} */ (node);
      node = next;
    }
  }

  remove() {
    for (const node of this.nodes()) node.remove();
  }
}

/** The children at one place, before its comment. */
class Children {
  rank = 0;
  /** @type {Map<string, Instance>} */
  shown = new Map();
  /** @type {Text | null} */
  text = null;

  /** @param {Node} end @param {number} first */
  constructor(end, first) {
    this.end = end;
    this.first = first;
  }

  /** @param {readonly unknown[]} values */
  fill(values) {
    const views = [.../** @type {Iterable<Shown>} */ (flat(/** @type {Shown} */ (values[this.first])))];
    if (views.length === 1 && typeof views[0] !== "object") return this.write(String(views[0]));
    this.text?.remove();
    this.text = null;
    /** @type {Map<string, Instance>} */
    const next = new Map();
    views.forEach((one, index) => {
      const view = one !== null && typeof one === "object" ? /** @type {View} */ (one) : html`${one}`;
      const key = view.key ?? `\u0000${index}`;
      const old = this.shown.get(key);
      const same = old && old.strings === view.strings && !next.has(key);
      if (same) old.fill(view.values);
      next.set(next.has(key) ? `${key}\u0000${index}` : key, same ? old : new Instance(view));
    });
    const kept = new Set(next.values());
    for (const old of this.shown.values()) if (!kept.has(old)) old.remove();
    let before = this.end;
    for (const instance of [...next.values()].reverse()) {
      instance.place(before);
      before = instance.first;
    }
    this.shown = next;
  }

  /** @param {string} text */
  write(text) {
    for (const old of this.shown.values()) old.remove();
    this.shown = new Map();
    if (!this.text) {
      this.text = document.createTextNode(text);
      this.end.parentNode?.insertBefore(this.text, this.end);
    } else if (this.text.data !== text) this.text.data = text;
  }
}

/** An attribute, switch, property or listener of one element. */
class Setting {
  /** @param {Node} node @param {Place} place */
  constructor(node, place) {
    this.element = /** @type {Element & Record<string, any>} */ (node);
    this.place = place;
    this.rank = place.kind === "property" ? 1 : 0;
    this.last = /** @type {unknown} */ (undefined);
    if (place.kind === "listener") node.addEventListener(place.name, (event) => typeof this.last === "function" && this.last(event));
  }

  /** @param {readonly unknown[]} values */
  fill(values) {
    const { kind, name, texts, first } = this.place;
    const { element } = this;
    let value = values[first];
    if (kind === "attribute" && texts.join("") !== "") value = texts.slice(1).reduce((text, after, index) => text + (values[first + index] ?? "") + after, texts[0]);
    if (kind === "attribute" && ADDRESSES.has(name) && value != null && !ADDRESS.test(String(value))) value = "#";
    // What the reader set by hand goes back to what is so; a text that is being written does not.
    const byHand = kind === "property" && (name === "checked" || element instanceof HTMLSelectElement);
    if (value === (byHand ? /** @type {any} */ (element)[name] : this.last)) return;
    this.last = value;
    if (kind === "property") element[name] = value;
    else if (kind === "switch") element.toggleAttribute(name, Boolean(value));
    else if (kind === "attribute" && (value == null || value === false)) element.removeAttribute(name);
    else if (kind === "attribute") element.setAttribute(name, String(value));
  }
}

/** @param {Shown} value @returns {Generator<View | string | number>} */
function* flat(value) {
  if (Array.isArray(value)) for (const one of value) yield* flat(one);
  else if (value !== null && value !== undefined && value !== false) yield /** @type {View | string | number} */ (value);
}

/** @type {WeakMap<Element, Children>} */
const roots = new WeakMap();

/**
 * Shows a view in a container, which nothing else writes to. The focus stays on its element where
 * that is still shown.
 * @param {Element} container
 * @param {Shown} view
 */
export function render(container, view) {
  let root = roots.get(container);
  if (!root) {
    const end = document.createComment("");
    container.replaceChildren(end);
    root = new Children(end, 0);
    roots.set(container, root);
  }
  const focused = document.activeElement;
  root.fill([view]);
  if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
}
