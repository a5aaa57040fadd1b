// How copies are told of.

import { h } from "../dom.js";
import { percent } from "../words.js";

/** Kinds of copies, the closest first: what they are called, and what that means. */
export const KINDS = {
  exact: ["Same file", "the same bytes under another name"],
  pixels: ["Same pixels", "the same pixels in another file"],
  near: ["Same picture", "saved again, resized or recoloured"],
  edited: ["Edited", "cropped, mirrored, turned, framed or written on"],
  burst: ["Burst", "another photo taken within seconds; no copy"],
};

/** Facts about a file: name, value, and how it compares with that of the picture kept. */
export const details = (list) =>
  h(
    "dl.dup-details",
    null,
    list.map(({ name, value, comparison, rank }) =>
      h("div", null, h("dt", null, name), h("dd", null, value, comparison && [" ", h(`span.${rank || "equal"}`, null, comparison)])),
    ),
  );

/** With a capital letter. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A probability in percent with one decimal, rounded down: only what is certain is 100 %. */
export const sure = (probability) => (probability >= 1 ? percent(1) : `${(Math.floor(probability * 1000) / 10).toFixed(1)} %`);

/** "in cats": the folder that a file is in. */
export const folder = (path) => {
  const name = path.split("/").at(-2);
  return name ? `in ${name}` : "";
};

/** What speaks against that a copy goes. */
export const doubt = (text) => h("p.doubt", null, h("b", null, "In doubt: "), text);

/** A box to tick: the file goes, or stays. */
export const tick = (box, ...more) => h("label.tick", null, box, h("span.on", null, "Remove"), h("span.off", null, "Stays"), more);

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** "3 hours ago" */
export function ago(date) {
  const seconds = (Date.now() - date) / 1000;
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? [];
  return unit ? new Intl.RelativeTimeFormat("en").format(-Math.floor(seconds / length), unit) : "just now";
}
