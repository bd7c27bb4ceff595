/**
 * Reads the text of a tagged template into elements, by createElement alone: no HTML sink is used,
 * so Trusted Types have nothing to allow, and no value can become markup.
 *
 * A place for a value is a child (`<p>${text}</p>`), an attribute (`title=${text}`, also within a
 * text: `class="st ${kind}"`), a switch (`?hidden=${off}`), a property (`.value=${text}`) or a
 * listener (`@click=${does}`).
 */

/**
 * @typedef {object} Place
 * @property {number} node which node of the fragment, in document order
 * @property {"child" | "attribute" | "switch" | "property" | "listener"} kind
 * @property {string} name
 * @property {string[]} texts what stands around the values of an attribute
 * @property {number} first the first of its values
 *
 * @typedef {{fragment: DocumentFragment, places: Place[]}} Template
 */

const SVG = "http://www.w3.org/2000/svg";
const EMPTY = new Set(["br", "col", "hr", "img", "input", "link", "meta", "path", "rect", "use", "circle", "line"]);
const MARK = "\u0001";
const TOKEN = /<(\/?)([a-z][\w-]*)((?:"[^"]*"|[^">])*?)(\/?)>|([^<]+)/gi;
const ATTRIBUTE = /([^\s=]+)(?:=(?:"([^"]*)"|(\S+)))?/g;

/**
 * @param {readonly string[]} strings the fixed parts of a template, as its tag gets them
 * @returns {Template}
 */
export function parsed(strings) {
  const fragment = document.createDocumentFragment();
  /** @type {Place[]} */
  const places = [];
  /** @type {(Element | DocumentFragment)[]} */
  const open = [fragment];
  let node = -1;
  let value = 0;

  /** @param {Node} child */
  const append = (child) => {
    const parent = open[open.length - 1];
    parent.append(child);
    node += 1;
  };

  /** @param {string} text */
  const children = (text) => {
    text.split(MARK).forEach((part, index) => {
      if (index) {
        if (open.length === 1 && !fragment.firstChild) append(document.createComment(""));
        append(document.createComment(""));
        places.push({ node, kind: "child", name: "", texts: [], first: value++ });
      }
      const kept = /^\s*$/.test(part) && part.includes("\n") ? "" : part.replace(/\s+/g, " ");
      if (kept) append(document.createTextNode(kept));
    });
  };

  /** @param {Element} element @param {string} text */
  const attributes = (element, text) => {
    for (const [, written, quoted, bare] of text.matchAll(ATTRIBUTE)) {
      const texts = (quoted ?? bare ?? "").split(MARK);
      const kind = /** @type {const} */ ({ "?": "switch", ".": "property", "@": "listener" })[written[0]];
      const name = kind ? written.slice(1) : written;
      if (texts.length === 1) {
        element.setAttribute(name, texts[0]);
        continue;
      }
      if (!kind && /^(on|style$|srcdoc$)/i.test(name)) throw new TypeError(`no values in ${name}`);
      places.push({ node, kind: kind ?? "attribute", name, texts, first: value });
      value += texts.length - 1;
    }
  };

  for (const [, end, name, inside, self, text] of strings.join(MARK).matchAll(TOKEN)) {
    if (text) children(text);
    else if (end) {
      const closed = open.pop();
      if (!(closed instanceof Element) || closed.tagName.toLowerCase() !== name.toLowerCase()) throw new TypeError(`</${name}> closes nothing`);
    } else {
      const parent = open[open.length - 1];
      const drawn = name === "svg" || name === "g" || (parent instanceof Element && parent.namespaceURI === SVG);
      const element = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
      append(element);
      attributes(element, inside);
      if (!self && !EMPTY.has(name)) open.push(element);
    }
  }
  if (open.length > 1) throw new TypeError("an element is not closed");
  return { fragment, places };
}
