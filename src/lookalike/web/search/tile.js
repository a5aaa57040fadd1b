// One picture among others: what stands below it, and what can be done with it.

import { h, icon } from "../dom.js";
import { nameOf, percent, similarity } from "../words.js";

const FACTS = 3;
const LONGEST = 24; // characters of a fact

/** Pixels below a picture: of a result, and of one that is looked at only. */
export const CAPTION = { hit: 84, other: 62 };

/**
 * What the grid draws for a picture.
 * @param {Object} picture
 * @param {{href: string, mayGuide: boolean, columns: Object, act: (as: string, picture) => void}} given
 *   mayGuide: it can be added for and against; columns: see `columns.js`.
 */
export function tile(picture, { href, mayGuide, columns, act }) {
  const name = nameOf(picture);
  const button = (as, text, symbol) =>
    h("button.round", { type: "button", "aria-label": `${text}: ${name}`, title: text, on: { click: () => act(as, picture) } }, icon(symbol));
  return {
    href,
    label: `What looks like ${spoken(picture, name)}`,
    content: [...scored(picture), h("span.name", { title: name }, name), facts(picture, columns)],
    actions: [
      button("details", "Details", "info"),
      mayGuide ? button("also", "Also like this", "plus") : null,
      mayGuide ? button("against", "Less like this", "minus") : null,
    ],
  };
}

const isHit = (picture) => picture.similarity !== undefined;
const chanceOf = (picture) => picture.probability ?? null;

function spoken(picture, name) {
  const alike = isHit(picture) ? `, similarity ${similarity(picture.similarity)}` : "";
  const chance = chanceOf(picture) === null ? "" : `, ${percent(chanceOf(picture))} the same`;
  return name + alike + chance;
}

/** How alike it is, as a bar and in numbers. */
function scored(picture) {
  if (!isHit(picture)) return [];
  const chance = chanceOf(picture);
  return [
    h("span.bar", { "aria-hidden": "true" }, h("i", { style: { width: `${Math.max(0, picture.similarity) * 100}%` } })),
    h(
      "span.line",
      null,
      h("span.score", { title: "similarity" }, similarity(picture.similarity)),
      chance === null ? null : h("span.chance", { title: "how likely it is the same thing" }, percent(chance)),
    ),
  ];
}

/** A few words of what is known, such as fit below a picture: numbers and yes or no before text. */
function facts({ metadata }, columns) {
  const rank = { number: 0, boolean: 1, string: 2 };
  const isFact = ([name, value]) =>
    value !== null && !["name", "title"].includes(name) && value !== metadata.name && String(value).length <= LONGEST;
  const worth = Object.entries(metadata).filter(isFact);
  worth.sort(([, a], [, b]) => rank[typeof a] - rank[typeof b]);
  const words = worth.slice(0, FACTS).map(([name, value]) => {
    const label = name.replaceAll("_", " ");
    if (typeof value !== "boolean") return h("span", { title: label }, columns.inWords(name, value));
    return h("span", { class: value ? "yes" : "no" }, value ? label : `not ${label}`);
  });
  return h("span.facts-line", null, words);
}
