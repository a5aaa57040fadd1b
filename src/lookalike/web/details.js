// All that is known about one picture, beside the pictures it was found among.

import * as api from "./api.js";
import { copies } from "./copies.js";
import { fill, h, icon } from "./dom.js";
import { picture as shown } from "./pictures.js";
import { exactly, why } from "./why.js";
import { fileName, nameOf, percent, similarity, size } from "./words.js";

function formOf(name, value) {
  const form = new FormData();
  form.append(name, value);
  return form;
}

/** A filter for pictures that are in stock, of one that is not; null for all others. */
function soldOut({ metadata }) {
  const column = ["in_stock", "available"].find((name) => metadata[name] === false);
  return column ?? null;
}

/**
 * Open the panel.
 * @param {Object} app
 * @param {number} id
 * @param {{hit?: Object, queries: string[], columns: Object, question: () => FormData,
 *   image: (name: string, width?: number) => Promise<Object>, closed: () => void, step: (by: number) => void,
 *   use: (how: "like"|"also"|"against", picture: Object) => void}} given
 *   hit: what a search said of it; queries: the pictures it was found by, as addresses name them; columns: see
 *   `columns.js`; question: what was asked, and image: one of its pictures, {element, name, width, height}, for saying
 *   where both agree; step: go to the next one or back.
 * @returns {{show(id, given), close()}}
 */
export function details(app) {
  let given = null;
  let turn = 0;
  let explained = null;
  const content = h("div.details-content");
  const dialog = h(
    "dialog.details",
    { "aria-labelledby": "details-name", on: { close: () => given?.closed(), click: outside, keydown: keyed } },
    content,
  );
  document.body.append(dialog);

  function outside(event) {
    if (event.target === dialog) dialog.close();
  }

  function keyed(event) {
    if (event.target.closest("input, textarea")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    given.step(by);
  }

  async function show(id, asked) {
    const mine = ++turn;
    given = asked;
    if (!dialog.open) {
      app.state(content, { title: "One moment", busy: true });
      dialog.showModal();
    }
    try {
      const found = await api.get(`/v1/pictures/${id}`);
      if (mine === turn) draw(found);
    } catch (error) {
      if (mine !== turn) return;
      app.failed(content, error, () => show(id, asked));
      content.append(closing());
    }
  }

  const closing = () => h("button.round.closing", { type: "button", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close"));

  function draw(found) {
    const { hit, queries, columns, use, step } = given;
    const [query, ...others] = queries;
    const isOther = query && (query !== String(found.id) || others.length > 0);
    explained?.close();
    explained = isOther ? explaining(found) : null;
    const name = nameOf(found);
    const same = copies(app, { text: "Are there copies of it?", name: found.id, form: () => formOf("id", found.id) });
    const metadata = Object.entries(found.metadata).filter(([, value]) => value !== null);
    const stepper = (by, text, symbol) => h("button.round", { type: "button", "aria-label": text, "data-by": by, on: { click: () => step(by) } }, icon(symbol));
    const by = document.activeElement?.dataset?.by;
    fill(
      content,
      h("header", null, stepper(-1, "Previous picture", "back"), stepper(1, "Next picture", "next"), h("span.grow"), closing()),
      h("div.large", null, exactly(shown(found, 460, { lazy: false, alt: name }), found, "52dvh")),
      h(
        "div.what",
        null,
        h("h2", { id: "details-name", tabindex: -1 }, name),
        hit ? scores(hit) : null,
        explained ? explained.told : null,
        h(
          "div.actions",
          null,
          h("button.primary", { type: "button", on: { click: () => use("like", found) } }, icon("search"), "More like this"),
          h("button.secondary", { type: "button", on: { click: () => use("also", found) } }, icon("plus"), "Also like this"),
          h("button.secondary", { type: "button", on: { click: () => use("against", found) } }, icon("minus"), "Less like this"),
          explained?.button,
        ),
        metadata.length ? table("What is known", metadata.map(([key, value]) => [key.replaceAll("_", " "), columns.inWords(key, value)])) : null,
        table("File", [
          ["name", fileName(found.path)],
          ["folder", found.path.slice(0, -fileName(found.path).length - 1) || "/"],
          ["size", found.width ? `${found.width} × ${found.height} pixels, ${size(found.bytes)}` : size(found.bytes)],
          ["format", found.format],
          ["number", `#${found.id}`],
          found.missing ? ["note", "The file had vanished when the collection was last brought up to date."] : null,
          found.truncated ? ["note", "The file ends early; what there is of it was used."] : null,
        ]),
        same.told,
        h(
          "nav.links",
          { "aria-label": "More about this picture" },
          query && query !== String(found.id) ? link(app.link("compare", { a: query, b: found.id }), "compare", "Compare with the query") : null,
          soldOut(found) ? link(app.link("search", { like: found.id, where: soldOut(found) }), "check", "What is like it and in stock") : null,
          link(app.link("map", { id: found.id }), "map", "Where it is on the map"),
          found.cluster > 0 ? link(app.link("clusters", { cluster: found.cluster }), "clusters", `Its cluster, number ${found.cluster}`) : null,
          same.button,
          app.session.originals && !found.missing ? h("a", { href: api.original(found.id), target: "_blank", rel: "noopener" }, icon("external"), "The original file") : null,
        ),
      ),
    );
    (by ? content.querySelector(`[data-by="${by}"]`) : content.querySelector("h2")).focus({ preventScroll: true });
    dialog.scrollTop = 0;
  }

  /** Where what was asked and this one agree, with a picture of the question drawn beside it. */
  function explaining(found) {
    const { question, queries, image } = given;
    const large = content.querySelector.bind(content, ".large");
    let beside = null;
    return why(app, {
      question: () => {
        const form = question();
        form.append("found_id", found.id);
        return form;
      },
      small: (at) => image(queries[at], 64),
      places: async (at) => {
        const asked = await image(queries[at]);
        beside?.remove();
        beside = exactly(asked.element, asked, "40dvh");
        large().classList.add("two");
        large().prepend(beside);
        return [beside, large().lastElementChild];
      },
      ended: () => {
        large()?.classList.remove("two");
        beside?.remove();
      },
    });
  }

  function scores(hit) {
    return h(
      "dl.scores",
      null,
      h("div", null, h("dt", null, "similarity"), h("dd", null, similarity(hit.similarity))),
      hit.probability === null || hit.probability === undefined ? null : h("div", null, h("dt", null, "same thing"), h("dd", null, percent(hit.probability))),
      h("div", null, h("dt", null, "place"), h("dd", null, hit.rank)),
    );
  }

  const link = (href, symbol, text) => h("a", { href }, icon(symbol), text);

  function table(caption, rows) {
    return h("section", null, h("h3", null, caption), h("dl.facts", null, rows.filter(Boolean).map(([key, value]) => h("div", null, h("dt", null, key), h("dd", null, value)))));
  }

  return {
    show,
    close() {
      given = null;
      turn += 1;
      if (dialog.open) dialog.close();
    },
    isOpen: () => dialog.open,
    remove() {
      given = null;
      dialog.remove();
    },
  };
}
