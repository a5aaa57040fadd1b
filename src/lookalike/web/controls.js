// How one chooses by a column of the metadata: yes or no, some of its values, or a text in it. Numbers: `range.js`.
//
// Each control is given {facet, whole, title, now, choose}: the column as the filter leaves it, and as it is in all of
// the collection; what it is called; the choice as it was when this was drawn, see `filters.js`; and what takes another
// one.

import { inWords } from "./columns.js";
import { h } from "./dom.js";
import { number } from "./words.js";

export const FEW = 6; // values shown before "more"

/** Yes, no, or any. */
export function truth({ facet, title, now, choose }) {
  const name = facet.column;
  const countOf = (value) => facet.values.find((one) => one.value === value)?.count ?? 0;
  const options = [[undefined, "any", null], [true, "yes", countOf(true)], [false, "no", countOf(false)]];
  const option = ([value, text, n]) =>
    h(
      "label",
      null,
      h("input.spoken", { type: "radio", name: `facet-${name}`, checked: now.is?.[0] === value, "data-key": `${name}=${text}`, on: { change: () => choose(value === undefined ? null : { is: [value] }) } }),
      h("span", null, text, n === null ? null : h("small", null, number(n))),
    );
  return h("div.three", { role: "radiogroup", "aria-label": title }, options.map(option));
}

/** Some of the values. `toggle(value, on)`: also chooses one, or no longer; `isLong`: all are shown; `more`: shows them. */
export function values({ facet, whole, now, toggle, isLong, more }) {
  const name = facet.column;
  const chosen = now.is ?? [];
  const all = listed(facet, whole, chosen);
  const some = isLong ? all : all.filter((one, at) => at < FEW || chosen.includes(one.value));
  const words = (value) => (name === "folder" ? String(value).split("/").pop() || "/" : inWords(whole, value));
  const label = ({ value, count: n }) =>
    h(
      "label",
      { class: n || chosen.includes(value) ? "" : "zero" },
      h("input", { type: "checkbox", checked: chosen.includes(value), "data-key": `${name}=${value}`, on: { change: (event) => toggle(value, event.target.checked) } }),
      h("span.value", { title: String(value) }, words(value)),
      h("small", null, number(n)),
    );
  const unlisted = facet.distinct - facet.values.length;
  return h(
    "div.values",
    null,
    some.map(label),
    some.length < all.length ? h("button.plain", { type: "button", on: { click: more } }, `${all.length - some.length} more`) : null,
    isLong && unlisted > 0 ? h("p.quiet", null, `and ${number(unlisted)} others, rarer than these: write them above`) : null,
  );
}

/** The values with their counts: those chosen that the filter leaves none of first, the others that it leaves none of,
 *  as far as that can be told, last. */
function listed(facet, whole, chosen) {
  const isThere = (value) => facet.values.some((one) => one.value === value);
  const none = (some) => some.filter((value) => !isThere(value)).map((value) => ({ value, count: 0 }));
  const others = facet.values.length < facet.distinct ? [] : whole.values.map(({ value }) => value);
  return [...none(chosen), ...facet.values, ...none(others.filter((value) => !chosen.includes(value)))];
}

/** A text in it. */
export function written({ facet, title, now, choose }) {
  const input = h("input", { type: "search", "aria-label": `Text in ${title}`, placeholder: "has the text …", value: now.contains ?? "", "data-key": facet.column });
  const settle = (event) => {
    event.preventDefault();
    choose({ contains: input.value.trim() });
  };
  return h("form", { on: { submit: settle } }, input);
}
