// What is in the collection: how much, which models, which metadata, how it is served.

import * as api from "../api.js";
import { inWords } from "../columns.js";
import { h, icon } from "../dom.js";
import { column as quoted, literal } from "../filters.js";
import { count, number, size } from "../words.js";

export const title = "Collection";

const KINDS = { number: "number", text: "text", truth: "yes or no", mixed: "mixed" };
const EXAMPLES = 4;

export async function show(root, params, app) {
  const waiting = app.state(root, { title: "One moment", busy: true });
  const [info, { facets }] = await Promise.all([api.get("/v1/info"), api.get("/v1/facets", { values: EXAMPLES })]);
  waiting.remove();
  const name = info.collection.split("/").filter(Boolean);
  const called = name.at(-1)?.startsWith(".") || name.at(-1) === "collection" ? name.slice(-2).join("/") : name.at(-1);

  root.append(
    h(
      "div.info-page",
      null,
      h("header", null, h("h1", null, "The collection"), h("p.quiet", null, h("code", null, called || info.collection))),
      h(
        "ul.figures",
        null,
        figure(number(info.images), info.images === 1 ? "picture" : "pictures", app.link("search")),
        figure(size(info.picture_bytes), "in their files"),
        figure(size(info.bytes), `in the collection, ${size(Math.round(info.bytes_per_image))} a picture`),
        info.clusters ? figure(number(info.clusters.clusters), "clusters", app.link("clusters")) : null,
        info.missing ? figure(number(info.missing), "files that are gone", app.link("search", { where: "missing" })) : null,
        info.failed ? figure(number(info.failed), "files that could not be used") : null,
      ),
      section("Models", models(info.models)),
      section("Metadata", facets.length ? columns(facets, info.columns) : h("p.quiet", null, "No metadata yet. Index with a table beside the pictures: ", h("code", null, "lookalike index FOLDER --metadata TABLE.csv"), ".")),
      app.deployments.length > 1 ? section("Served here", served()) : null,
      section(
        "For programs",
        h("p.quiet", null, "Everything here can be asked for over HTTP: ", h("a", { href: "/docs", target: "_blank", rel: "noopener" }, "the API"), ". In Python, ", h("code", null, "lookalike.client.Client"), " has most methods of a collection."),
      ),
    ),
  );

  function figure(value, text, href) {
    const content = [h("b", null, value), h("span", null, text)];
    return h("li", null, href ? h("a", { href }, content) : content);
  }

  function section(text, ...content) {
    const id = `info-${text.toLowerCase().replaceAll(" ", "-")}`;
    return h("section", { "aria-labelledby": id }, h("h2", { id }, text), content);
  }

  function table(heads, rows) {
    return h("div.scrolls", { tabindex: 0, role: "region", "aria-label": `Table: ${heads.join(", ")}` }, h("table", null, h("thead", null, h("tr", null, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", null, rows)));
  }

  function models(known) {
    const row = (model, at) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, model.model.split("/").pop(), at === 0 && known.length > 1 ? h("span.badge", null, "default") : null),
        h("td", null, model.output),
        h("td", null, model.runtime),
        h("td", null, number(model.dimension)),
        h("td", null, number(model.vectors)),
        h("td", null, model.index === "exact" ? "exact" : `approximate${model.recall === null ? "" : `, recall ${model.recall.toFixed(3)}`}`),
      );
    return table(["model", "output", "runtime", "numbers a picture", "pictures", "search"], known.map(row));
  }

  function columns(found, kinds) {
    return table(
      ["column", "kind", "pictures", "different", "such as"],
      found
        .filter((facet) => facet.column in kinds)
        .map((facet) => h("tr", null, h("th", { scope: "row" }, facet.column), h("td", null, KINDS[facet.kind]), h("td", null, number(facet.pictures)), h("td", null, number(facet.distinct)), h("td.such", null, examples(facet)))),
    );
  }

  function examples(facet) {
    if (facet.kind === "number" && facet.distinct > EXAMPLES) return `${inWords(facet, facet.least)} to ${inWords(facet, facet.greatest)}`;
    const some = facet.distinct === facet.pictures ? facet.values.slice(0, 2) : facet.values; // names say little
    return some.map(({ value, count: n }) => {
      const where = value === true ? quoted(facet.column) : `${quoted(facet.column)} == ${literal(value)}`;
      return h("a.chip", { href: app.link("search", { where }), title: count(n, "picture") }, h("span", null, inWords(facet, value)));
    });
  }

  function served() {
    const now = params.get("deployment") || "default";
    return table(
      ["name", "pictures", "model", ""],
      app.deployments.map((one) => h("tr", null, h("th", { scope: "row" }, one.name, one.name === now ? h("span.badge", null, "shown") : null), h("td", null, number(one.images)), h("td", null, one.model.split("/").pop()), h("td", null, one.name === now ? null : h("a", { href: app.link("info", { deployment: one.name === "default" ? null : one.name }) }, icon("next"), "Show")))),
    );
  }
}
