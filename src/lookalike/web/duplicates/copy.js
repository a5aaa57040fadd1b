// One copy of a group: how it looks, how it is like the picture kept, and whether it goes.

import { h, s } from "../dom.js";
import { affine } from "../laid.js";
import { picture as shown } from "../pictures.js";
import { fileName, size } from "../words.js";
import { capital, details, doubt, folder, KINDS, sure, tick } from "./words.js";

const WIDE = 320; // pixels of a picture in the list, at most
const WHOLE = 0.97; // a copy that shows more than this share of the picture kept shows all of it

/** A picture of a group. */
export const picture = (one) => h("span.tile", null, shown(one, WIDE, { alt: fileName(one.path) }));

export class Copy {
  constructor(told, group) {
    Object.assign(this, { told, group, gone: false, element: null });
  }

  get name() {
    return fileName(this.told.path);
  }

  /** How it stands in the list. */
  draw() {
    const { told, group, name } = this;
    const button = (text, click) => h("button.prefer", { type: "button", "aria-label": `${text}: ${name}`, on: { click } }, text);
    this.box = h("input", { type: "checkbox", "aria-label": `Remove ${name}`, on: { change: () => this.toggle() } });
    this.look = h("button.look", { type: "button", "aria-label": `Compare ${name}`, on: { click: () => group.view.openPair(this) } }, picture(told.picture), this.#outline());
    this.prefer = button("Keep this one", () => group.prefer(this));
    const apart = group.view.mayWrite && button("Not duplicates", () => group.view.distinct(this));
    this.element = h("li.copy", null, this.look, this.#about(apart), tick(this.box, h("span.bytes", null, size(told.picture.bytes))));
    return this.element;
  }

  #about(apart) {
    const { told, name } = this;
    const [kind, meaning] = KINDS[told.kind];
    return h(
      "div.about",
      null,
      h("p.kind", null, h("b", { title: meaning }, kind), h("span", null, `${sure(told.probability)} sure`)),
      h("p.name", { title: told.path }, name, " ", h("span.in", null, folder(told.path))),
      told.how.length > 0 && h("p.how", null, capital(told.how.join(", "))),
      details(told.details),
      told.stays && doubt(told.stays),
      h("div.dup-acts", null, this.prefer, apart),
    );
  }

  /** The address has it as this. */
  get pair() {
    return `${this.group.told.kept.id}-${this.told.picture.id}`;
  }

  state() {
    const kept = this.group.keeper === this;
    return { remove: this.group.view.decisions.goes(this.told.path), shut: kept || this.told.picture.reference };
  }

  toggle() {
    const { view } = this.group;
    const { remove, shut } = this.state();
    if (shut) return this.refresh();
    if (!remove === this.told.remove) view.decisions.removes.delete(this.told.path);
    else view.decisions.removes.set(this.told.path, !remove);
    this.refresh();
    view.decided();
  }

  refresh() {
    if (this.gone || !this.element) return;
    const { remove, shut } = this.state();
    this.box.checked = remove;
    this.box.disabled = shut;
    const on = this.group.keeper === this;
    this.element.classList.toggle("preferred", on);
    this.prefer.setAttribute("aria-pressed", String(on));
    this.prefer.textContent = on ? "Stays, as you chose" : "Keep this one";
    this.prefer.setAttribute("aria-label", `${this.prefer.textContent}: ${this.name}`);
  }

  /** It is remembered as no copy; `back` undoes that. */
  drawGone() {
    const undo = h("button.plain", { type: "button", on: { click: this.back } }, "Undo");
    this.element = h("li.copy.away", null, h("p.apart", null, `${this.name}: remembered as no duplicate.`), undo);
    return this.element;
  }

  /** A small drawing of which part of the picture kept a copy shows; nothing when it shows all of it. */
  #outline() {
    const { overlap, transform, picture: { width, height }, placement } = this.told;
    const { kept } = this.group.told;
    if (overlap === null || overlap >= WHOLE || !transform) return null;
    const scale = 100 / Math.max(kept.width, kept.height);
    const matrix = affine.ofRows(placement);
    const corners = [[0, 0], [width, 0], [width, height], [0, height]].map((point) => affine.at(matrix, point));
    const points = corners.map((point) => point.map((n) => (n * scale).toFixed(1)).join(",")).join(" ");
    const [across, down] = [kept.width * scale, kept.height * scale];
    return s(
      "svg",
      { class: "outline", viewBox: `0 0 ${across} ${down}`, "aria-hidden": "true" },
      s("rect", { width: across, height: down }),
      s("polygon", { points }),
    );
  }
}
