// The way here: what was asked before, each step a small picture that leads back.

import { fill, h, icon } from "../dom.js";
import { trailOf } from "./address.js";

const WIDE = 44;

/**
 * The way.
 * @param {{seen: Object, linkTo: (changes) => string}} given
 * @returns {{element, update(asked): Promise}}
 */
export function trail({ seen, linkTo }) {
  const element = h("nav.trail", { "aria-label": "Where you came from" });
  let drawn = null;

  function step(asked, name, at) {
    const before = asked.trail.slice(0, asked.trail.length - trailOf(asked).length + at);
    return { href: linkTo({ like: name, trail: before, also: [], against: [], region: null }) };
  }

  async function update(asked) {
    const names = trailOf(asked);
    drawn = names;
    element.hidden = !names.length;
    const images = await Promise.all([...names, ...(asked.like ? [asked.like] : [])].map((name) => seen.image(name, WIDE)));
    if (names !== drawn) return;
    const steps = names.map((name, at) => {
      const { element: image, name: called } = images[at];
      return h("li", null, h("a", { ...step(asked, name, at), title: called, "aria-label": `Back to ${called}` }, image), icon("next"));
    });
    const now = images[names.length];
    fill(
      element,
      h("a.all", { href: linkTo({ like: "", also: [], against: [], region: null, threshold: null, trail: [] }) }, "All pictures"),
      icon("next"),
      h("ol", null, steps, now ? h("li", { "aria-current": "true" }, h("span", { title: now.name }, now.element)) : null),
    );
  }

  return { element, update };
}
