// Pictures that results should be like as well, and such that they should not be like.

import { h, icon } from "../dom.js";

const WORDS = { also: ["Also like", "plus"], against: ["Less like", "minus"] };

/**
 * What is asked for and against, and ways to add to it.
 * @param {Object} asked
 * @param {{seen: Object, remove: (side: string, name: string) => void, pick: (side: string) => void}} given
 */
export function sides(asked, { seen, remove, pick }) {
  const names = Object.keys(WORDS).flatMap((side) => asked[side].map((name) => [side, name]));
  const add = (side) => {
    const [words, symbol] = WORDS[side];
    return h("button.plain", { type: "button", "data-do": side, on: { click: () => pick(side) } }, icon(symbol), `${words} …`);
  };
  return h(
    "div.sides",
    null,
    names.length ? h("ul", { "aria-label": "Pictures for and against" }, names.map(([side, name]) => one(side, name))) : null,
    h("div.asked-actions", null, add("also"), add("against")),
  );

  function one(side, name) {
    const [words, symbol] = WORDS[side];
    const place = h("span.small");
    const button = h("button.round", { type: "button", on: { click: () => remove(side, name) } }, icon("close"));
    const show = (image) => {
      place.append(image.element);
      button.setAttribute("aria-label", `${words} ${image.name}: remove`);
    };
    const image = seen.at(name, 64);
    if (image) show(image);
    else {
      button.setAttribute("aria-label", `${words} #${name}: remove`);
      seen.image(name, 64).then(show, () => {});
    }
    return h("li", { class: side }, place, h("span.sign", { "aria-hidden": "true" }, icon(symbol)), button);
  }
}
