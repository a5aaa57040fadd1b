// Of which pictures of the collection one picture is a copy, or which are copies of it: looked for on request, as it
// takes a moment.

import * as api from "./api.js";
import { fill, h, icon } from "./dom.js";
import { picture } from "./pictures.js";
import { count, fileName, percent } from "./words.js";

const KINDS = { exact: "the same file", pixels: "the same pixels", near: "saved again, resized or recoloured", edited: "cropped, mirrored, turned or written on" };

/**
 * A button that looks for copies, and what it found.
 * @param {Object} app
 * @param {{text: string, name: string, form: () => FormData}} given name: of the picture, as addresses have it; form:
 *   the question to `/v1/duplicates`.
 * @returns {{button: Element, told: Element}}
 */
export function copies(app, { text, name, form }) {
  const told = h("div.copies", { "aria-live": "polite", hidden: true });
  const button = h("button.plain", { type: "button", on: { click: look } }, icon("duplicates"), text);

  async function look() {
    button.disabled = true;
    told.hidden = false;
    fill(told, h("p.quiet", null, "Looking …"));
    try {
      draw(await api.post("/v1/duplicates", form()));
    } catch (error) {
      fill(told, h("p.problem", null, error.message));
    } finally {
      button.disabled = false;
    }
  }

  function draw({ copies: found }) {
    if (!found.length) {
      fill(told, h("p", null, "There is no copy of it."));
      return;
    }
    fill(
      told,
      h("p", null, `${count(found.length, "copy", "copies")}:`),
      h(
        "ul",
        null,
        found.map((copy) =>
          h(
            "li",
            null,
            h("a", { href: app.link("compare", { a: name, b: copy.picture.id }) }, h("span.small", null, picture(copy.picture, 56)), h("span", null, h("b", null, fileName(copy.path)), h("span.quiet", null, `${KINDS[copy.kind] ?? copy.kind}, ${percent(copy.probability)} sure`))),
          ),
        ),
      ),
    );
  }

  return { button, told };
}
