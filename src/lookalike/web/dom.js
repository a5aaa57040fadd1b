// Elements without markup: text never becomes HTML, so nothing from outside can become script.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} tag such as "button.quiet": a name, and classes.
 * @param {Object} [props] attributes; `on: {click: f}` for listeners; a property where the value is no text
 *   (true sets an attribute, false and null leave it out).
 * @param {...(Node|string|number|null|false|Array)} children
 */
export function h(tag, props, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else if (key === "value" || key === "checked" || key === "indeterminate") element[key] = value;
    else if (key === "style") Object.assign(element.style, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

/** Put children in place of those an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm4.8 11.3L20 20",
  clusters: "M7 4.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Zm10 1.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Zm-6 7.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
  map: "m3 6 6-2.5 6 2.5 6-2.5v14.5L15 20.5l-6-2.5-6 2.5V6Zm6-2.5V18m6-12v14.5",
  duplicates: "M8.5 8.5V5.5a1.5 1.5 0 0 1 1.5-1.5h8.5A1.5 1.5 0 0 1 20 5.5V14a1.5 1.5 0 0 1-1.5 1.5h-3M5.5 8.5H14a1.5 1.5 0 0 1 1.5 1.5v8.5A1.5 1.5 0 0 1 14 20H5.5A1.5 1.5 0 0 1 4 18.5V10a1.5 1.5 0 0 1 1.5-1.5Z",
  info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Zm0 7.5v5m0-8.200v.1",
  compare: "M4 5.5h6.5v13H4v-13Zm9.5 0H20v13h-6.5v-13Z",
  close: "m6 6 12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  camera: "M4 8h3l1.5-2.5h7L17 8h3v11H4V8Zm8 2a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
  upload: "M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 19h14",
  region: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9V9Z",
  filter: "M4 6h16M7 12h10M10 18h4",
  picture: "M4 5h16v14H4V5Zm0 11 5-5 4 4 3-3 4 4M15.5 8.5v.1",
  gone: "M4 5h16v14H4V5Zm0 11 5-5 4 4 3-3 4 4M3.5 3.5l17 17",
  next: "m9.5 6 6 6-6 6",
  back: "m14.5 6-6 6 6 6",
  external: "M10 5H5v14h14v-5M14 5h5v5m0-5-8 8",
  download: "M12 5v11m0 0 4.5-4.5M12 16l-4.5-4.5M5 19h14",
  more: "M6 12h.1M12 12h.1M18 12h.1",
  check: "m5 12.5 4.5 4.5L19 7.5",
  key: "M14.5 4a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Zm-4 9.5L4 20m3-3 2 2m7-11v.1",
  heat: "M12 3.5c.6 3.5 5.5 5 5.5 10a5.5 5.5 0 0 1-11 0c0-2 .9-3.4 2.3-4.5.3 1.7 1 2.5 1.9 2.8C10.3 9 10.5 6 12 3.5Z",
  flip: "M7 8h11m0 0-3-3m3 3-3 3M17 16H6m0 0 3-3m-3 3 3 3",
};

/** A drawing of lines, decoration only: whoever uses it gives the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** An element of SVG. */
export function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...flat(children));
  return element;
}
