// Above the groups: what was found, what would go, which kinds are shown, and the plan.

import { fill, h, icon } from "../dom.js";
import { count, number, size } from "../words.js";
import { ago, KINDS } from "./words.js";

/** What was found, and when. */
export function head(told, look) {
  const { total, copies, images, made, new: came, failed } = told;
  const found = new Date(made);
  const later = came ? ` ${count(came, "picture")} came later and ${came === 1 ? "was" : "were"} not looked at.` : "";
  const unread = failed.length > 0 && ` ${count(failed.length, "file")} could not be read.`;
  const when = h("time", { datetime: made, title: found.toLocaleString() }, ago(found));
  return h(
    "header.dup-head",
    null,
    h(
      "div",
      null,
      h("h2", null, total ? `${count(copies, "copy", "copies")} in ${count(total, "group")}` : "No copies were found"),
      h("p", null, `Among ${count(images, "picture")}, found `, when, `.${later}`, unread),
      total > 0 && promise(),
    ),
    look && h("button.secondary", { type: "button", on: { click: look } }, "Look again"),
  );
}

const promise = () =>
  h("p.promise", null, h("b", null, "Nothing is removed here."), " Decide what should go, download the plan, and run ", h("code", null, "lookalike duplicates apply plan-reviewed.json"), " in your downloads folder, where the browser puts it.");

/** What stays in sight. */
export class Desk {
  /**
   * @param {{filters: () => Object, go: (changes) => void, forget: () => void, download: () => void}} given filters:
   *   kinds and `doubtful` of the address; forget: all that was decided.
   */
  constructor(given) {
    Object.assign(this, given);
    this.element = h("div.dup-desk");
    this.ticked = h("p");
    this.freed = h("p");
    this.undo = h("button.plain", { type: "button", on: { click: this.forget } }, "As proposed");
    this.plan = h("button.primary", { type: "button", id: "plan", on: { click: this.download } }, icon("download"), "Download the plan");
  }

  /** Draws it for what was found. */
  draw(told, decisions) {
    if (!told.total) return fill(this.element);
    fill(this.element, h("div.counts", { role: "status" }, this.ticked, this.freed), this.#chips(told), this.undo, this.plan);
    return this.count(told, decisions);
  }

  /** How much would go by what was decided. */
  count({ removals, bytes, copies }, decisions) {
    const [more, larger] = decisions.change();
    fill(this.ticked, h("b", null, number(removals + more)), ` of ${count(copies, "copy", "copies")} would go`);
    fill(this.freed, h("b", null, size(bytes + larger)), " would be freed");
    this.undo.hidden = !decisions.any;
  }

  #chips({ kinds, copies, removals }) {
    const doubtful = copies - removals;
    const there = Object.keys(KINDS).filter((kind) => kinds[kind]);
    return h(
      "div.dup-chips",
      { role: "group", "aria-label": "Show only" },
      there.map((kind) => this.#kindChip(kind, kinds[kind])),
      doubtful > 0 && this.#doubtChip(doubtful, copies),
    );
  }

  #kindChip(kind, amount) {
    // What is asked for now, which what is drawn may not have followed yet.
    const toggled = ({ kind: now }) => ({ kind: now.includes(kind) ? now.filter((one) => one !== kind) : [...now, kind] });
    return this.#chip(KINDS[kind], this.filters().kind.includes(kind), toggled, number(amount));
  }

  /** Those in doubt are of some kind as well: they are no kind of their own, and not counted like one. */
  #doubtChip(doubtful, copies) {
    const words = ["Only in doubt", "copies whose removal is not proposed"];
    const toggled = ({ doubtful: on }) => ({ doubtful: on ? null : 1 });
    const chip = this.#chip(words, Boolean(this.filters().doubtful), toggled, `${number(doubtful)} of ${number(copies)}`);
    return [h("span.dup-rule", { "aria-hidden": "true" }), chip];
  }

  #chip([name, text], on, toggled, amount) {
    const go = () => this.go({ ...toggled(this.filters()), pair: null, view: null });
    return h("button.dup-chip", { type: "button", title: text, "aria-pressed": String(on), on: { click: go } }, name, " ", h("span", null, amount));
  }
}
