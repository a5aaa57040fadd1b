// A part of a picture, chosen with mouse, touch or keys.

import { h, icon } from "./dom.js";

const LEAST = 0.04; // shares: what is smaller was a click
const STEP = 0.02;
const SETTLED = 450; // milliseconds after the last key

/**
 * A picture on which a part can be drawn. What it is put into is a container of a size of its own.
 * @param {{image: Element, value: number[]|null, changed: (value: number[]|null) => void}} given
 *   image: an <img>; value: x, y, width and height in shares of the picture; changed: called when it is settled.
 * @returns {{element: Element, controls: Element}}
 */
export function region({ image, value, changed }) {
  let part = value;
  let timer = 0;
  const box = h(
    "div.part",
    { tabindex: 0, role: "application", "aria-roledescription": "part of the picture", on: { keydown: keyed } },
    ["nw", "ne", "sw", "se"].map((corner) => h(`span.handle.${corner}`, { "data-corner": corner })),
  );
  const element = h("div.region", { on: { pointerdown: pressed } }, image, box);
  const choose = h("button.plain", { type: "button", on: { click: toggled } });
  image.draggable = false;
  image.addEventListener("load", fit);
  if (image.complete) fit();
  show();

  function show() {
    element.classList.toggle("chosen", part !== null);
    box.hidden = part === null;
    choose.replaceChildren(icon(part ? "picture" : "region"), part ? "Whole picture" : "Only a part");
    if (!part) return;
    const [x, y, w, t] = part.map((share) => `${(share * 100).toFixed(2)}%`);
    Object.assign(box.style, { left: x, top: y, width: w, height: t });
    const [left, top, width, height] = part.map((share) => Math.round(share * 100));
    box.setAttribute(
      "aria-label",
      `Part of the picture: ${left} to ${left + width} % across, ${top} to ${top + height} % down. ` +
        "Arrow keys move it, with Shift they change its size, Delete takes it away.",
    );
  }

  /** As large as its room allows in the picture's own shape: shares are of exactly the picture. */
  function fit() {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width && height) element.style.width = `min(100cqw, 100cqh * ${(width / height).toFixed(4)})`;
  }

  function settle(wait = 0) {
    clearTimeout(timer);
    timer = setTimeout(() => changed(part?.map((share) => Math.round(share * 1000) / 1000) ?? null), wait);
  }

  function toggled() {
    part = part ? null : [0.2, 0.2, 0.6, 0.6];
    show();
    if (part) box.focus();
    settle();
  }

  function put(x, y, width, height) {
    const w = Math.min(1, Math.max(LEAST, width));
    const t = Math.min(1, Math.max(LEAST, height));
    part = [Math.min(1 - w, Math.max(0, x)), Math.min(1 - t, Math.max(0, y)), w, t];
    show();
  }

  function keyed(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (way && part) {
      const [x, y, w, t] = part;
      const [dx, dy] = way.map((sign) => sign * STEP);
      if (event.shiftKey) put(x, y, Math.min(w + dx, 1 - x), Math.min(t + dy, 1 - y));
      else put(x + dx, y + dy, w, t);
      settle(SETTLED);
    } else if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") {
      part = null;
      show();
      choose.focus();
      settle();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function pressed(event) {
    // A finger moves the page, unless it is on a part that is there.
    if (event.button !== 0 || (event.pointerType === "touch" && !event.target.closest(".part"))) return;
    event.preventDefault();
    const bounds = image.getBoundingClientRect();
    const at = (one) => [(one.clientX - bounds.left) / bounds.width, (one.clientY - bounds.top) / bounds.height].map((share) => Math.min(1, Math.max(0, share)));
    const [startX, startY] = at(event);
    const before = part;
    const corner = event.target.dataset.corner;
    const moving = !corner && event.target.closest(".part") !== null;
    if (moving) box.focus({ preventScroll: true });

    const move = (one) => {
      const [x, y] = at(one);
      if (moving) put(before[0] + x - startX, before[1] + y - startY, before[2], before[3]);
      else {
        const [fixedX, fixedY] = corner
          ? [corner.includes("w") ? before[0] + before[2] : before[0], corner.includes("n") ? before[1] + before[3] : before[1]]
          : [startX, startY];
        if (!corner && Math.abs(x - startX) < LEAST && Math.abs(y - startY) < LEAST) return;
        put(Math.min(x, fixedX), Math.min(y, fixedY), Math.abs(x - fixedX), Math.abs(y - fixedY));
      }
    };
    const end = () => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
      if (part !== before) settle();
    };
    element.setPointerCapture(event.pointerId);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
  }

  return { element, controls: choose };
}
