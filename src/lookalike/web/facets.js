// Filters made from the metadata: what one can choose by, with how many pictures there are of each. What is chosen is
// one text in the language of docs/filters.md, which is shown and may be typed as well.

import * as api from "./api.js";
import { columnsOf, facetsOf, UNKNOWN } from "./columns.js";
import { FEW, truth, values, written } from "./controls.js";
import { fill, h, icon } from "./dom.js";
import { column as quoted, format, literal, parse, without } from "./filters.js";
import { range } from "./range.js";
import { sentence } from "./words.js";

const CHOOSABLE = 300; // with more different texts one rather writes what is in it

const title = (name) => name.replaceAll("_", " ");

/**
 * The panel.
 * @param {{app: Object, changed: (where: string) => void, counted: (pictures: number) => void}} given
 * @returns {{element, chips, update(where: string), close()}} `chips`: what is chosen, each with a way to take it back.
 */
export function facets({ app, changed, counted }) {
  const field = h("input", { type: "text", id: "where", "data-search": true, spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-describedby": "where-problem", on: { keydown: cleared } });
  const problem = h("div.problem", { id: "where-problem", role: "alert" });
  const form = h("form.where", { on: { submit: typed } }, h("label", { for: "where" }, "Filter"), field, problem);
  const list = h("div.facet-list");
  const element = h("section.facets", { "aria-label": "Filters" }, form, list);
  const chips = h("ul.chosen", { "aria-label": "Filters in use" });

  let kinds = null; // column -> kind
  let columns = UNKNOWN; // of all pictures: what a filter leaves changes counts, and not how one chooses
  let truths = new Set();
  let where = "";
  let chosen = { choices: new Map(), rest: [] };
  let known = [];
  let asking = null;
  const open = new Map(); // column -> whether it is open, as far as somebody has said
  const longer = new Set(); // columns whose values are all shown

  function choose(name, choice) {
    const choices = new Map(chosen.choices);
    const empty = !choice || (!choice.is?.length && choice.least === undefined && choice.most === undefined && !choice.contains);
    if (empty) choices.delete(name);
    else choices.set(name, choice);
    changed(format({ choices, rest: chosen.rest }));
  }

  /** One value more or less, beside what is chosen by now: the counts, and with them the control, may come later. */
  function toggle(name, value, on) {
    const is = chosen.choices.get(name)?.is ?? [];
    choose(name, { is: on ? [...is, value] : is.filter((one) => one !== value) });
  }

  function typed(event) {
    event.preventDefault();
    if (field.value.trim() === where) ask();
    else changed(field.value.trim());
  }

  function cleared(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (field.value !== where) field.value = where;
    else field.blur();
  }

  async function update(text) {
    where = text;
    field.value = text;
    await ask();
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      if (!kinds) {
        kinds = (await api.get("/v1/info", {}, { signal })).columns;
        truths = new Set(Object.keys(kinds).filter((name) => kinds[name] === "truth"));
        field.placeholder = example();
      }
      chosen = parse(where, truths);
      drawChips();
      // Of a column that is chosen by, also what else there would be to choose; of the others, what is left.
      const active = [...chosen.choices.keys()].filter((name) => name !== "cluster");
      const [all, ...own] = await Promise.all([
        facetsOf(where, { signal }),
        ...active.map((name) => facetsOf(format(without(chosen, name)), { column: name, signal })),
      ]);
      columns = await columnsOf(app);
      signal.throwIfAborted();
      drawChips(); // numbers as their columns are written
      const others = new Map(own.map(({ facets: [facet] }) => [facet.column, facet]));
      const names = [...new Set([...all.facets.map(({ column }) => column), ...active])];
      known = names.map((name) => others.get(name) ?? all.facets.find(({ column }) => column === name));
      problem.replaceChildren();
      field.removeAttribute("aria-invalid");
      counted(all.pictures);
      drawList();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 422) complain(error);
      else broken(error);
    }
  }

  /** A filter such as could be typed here; of names without an underscore, which a field hardly shows. */
  function example() {
    const of = (kind) => Object.keys(kinds).find((name) => kinds[name] === kind && !name.includes("_"));
    const parts = [of("number") ? `${quoted(of("number"))} < 5` : null, of("truth") ? quoted(of("truth")) : null].filter(Boolean);
    return parts.join(" and ") || (of("text") ? `${quoted(of("text"))} contains "…"` : "width > 1000");
  }

  /** The filters could not be asked for; what was found stands beside them all the same. */
  function broken(error) {
    fill(problem, h("p", null, error.message), h("button.plain", { type: "button", on: { click: ask } }, "Try again"));
  }

  function complain(error) {
    field.setAttribute("aria-invalid", "true");
    const words = where.match(/^[\p{L}\p{N}\s'-]+$/u)?.[0].trim();
    fill(
      problem,
      h("p", null, sentence(error.message)),
      words ? h("button.plain", { type: "button", on: { click: () => changed(`name contains ${literal(words)}`) } }, icon("search"), `Names with “${words}”`) : null,
      where ? h("button.plain", { type: "button", on: { click: () => changed("") } }, "Without a filter") : null,
    );
  }

  // --- what is chosen ----------------------------------------------------------------------------

  function drawChips() {
    const made = [...chosen.choices].flatMap(([name, choice]) => described(name, choice).map((text) => [text, () => choose(name, null)]));
    for (const part of chosen.rest) {
      made.push([part, () => changed(format({ choices: chosen.choices, rest: chosen.rest.filter((one) => one !== part) }))]);
    }
    fill(
      chips,
      made.map(([text, remove]) => h("li", null, h("button.chip", { type: "button", "aria-label": `Remove the filter ${text}`, on: { click: remove } }, h("span", null, text), icon("close")))),
      made.length > 1 ? h("li", null, h("button.plain", { type: "button", on: { click: () => changed("") } }, "Clear")) : null,
    );
    chips.hidden = !made.length;
  }

  function described(name, { is, least, most, contains }) {
    if (is?.length === 1 && typeof is[0] === "boolean") return [is[0] ? title(name) : `not ${title(name)}`];
    const inWords = (value) => columns.inWords(name, value);
    if (is?.length) return [`${title(name)}: ${is.map(inWords).join(", ")}`];
    if (contains) return [`${title(name)} has “${contains}”`];
    if (least !== undefined && most !== undefined) return [`${title(name)} ${inWords(least)} – ${inWords(most)}`];
    return [least !== undefined ? `${title(name)} from ${inWords(least)}` : `${title(name)} up to ${inWords(most)}`];
  }

  // --- what there is to choose -------------------------------------------------------------------

  const RANK = { truth: 0, text: 1, mixed: 1, number: 2 };

  function drawList() {
    const focused = document.activeElement?.dataset?.key;
    const useful = known.filter(({ column }) => column !== "cluster" && (whole(column)?.distinct > 1 || chosen.choices.has(column)));
    const built = (facet) => !(facet.column in kinds);
    const rank = (facet) => RANK[whole(facet.column).kind];
    useful.sort((a, b) => built(a) - built(b) || isWritten(a) - isWritten(b) || rank(a) - rank(b));
    fill(
      list,
      useful.map((facet, at) => {
        const name = facet.column;
        const begins = open.get(name) ?? (chosen.choices.has(name) || at < 5);
        return h(
          "details.facet",
          { open: begins, "data-column": name, on: { toggle: (event) => open.set(name, event.target.open) } },
          h("summary", null, h("span", null, title(name)), chosen.choices.has(name) ? h("span.dot", { title: "in use" }) : null),
          control(facet),
        );
      }),
    );
    if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  const whole = (name) => columns.of(name) ?? known.find(({ column }) => column === name);

  const isWritten = ({ column }) => {
    const { kind, distinct } = whole(column);
    return kind !== "truth" && kind !== "number" && distinct > CHOOSABLE;
  };

  /** How one chooses by a column: it depends on all of the collection, so that it stays while one filters. */
  function control(facet) {
    const name = facet.column;
    const { kind, distinct } = whole(name);
    const given = { facet, whole: whole(name), title: title(name), now: chosen.choices.get(name) ?? {}, choose: (choice) => choose(name, choice) };
    if (kind === "truth") return truth(given);
    if (kind === "number" && distinct > FEW) return range(given);
    if (isWritten(facet)) return written(given);
    return values({ ...given, toggle: (value, on) => toggle(name, value, on), isLong: longer.has(name), more: () => lengthen(name) });
  }

  /** Shows all values of a column. */
  function lengthen(name) {
    longer.add(name);
    drawList();
    list.querySelectorAll(`[data-column="${CSS.escape(name)}"] input`)[FEW]?.focus();
  }

  return {
    element,
    chips,
    update,
    close: () => asking?.abort(),
  };
}
