// A picture to keep and its copies. Of very many groups only those near the window are drawn; the others are as high as
// they were.

import { mayGo, standsIn } from "../deciding.js";
import { fill, h } from "../dom.js";
import { fileName, size } from "../words.js";
import { Copy, picture } from "./copy.js";
import { details, folder, sure, tick } from "./words.js";

export class Group {
  /**
   * @param {Object} told as `/v1/duplicates` tells of it.
   * @param {Object} view the view: its decisions, what it was told, and what it does.
   */
  constructor(told, view) {
    Object.assign(this, { told, view });
    view.decisions.propose(told.keep, false, told.kept.bytes);
    for (const copy of told.members) view.decisions.propose(copy.path, copy.remove, copy.picture.bytes);
    this.copies = told.members.map((member) => new Copy(member, this));
    const many = told.members.length > 1 ? ".many" : "";
    this.element = h(`section.group${many}`, { "aria-label": `Copies of ${fileName(told.keep)}` });
    this.isDrawn = false;
  }

  /** Those that are still said to be copies. */
  get left() {
    return this.copies.filter((one) => !one.gone);
  }

  // --- drawing -----------------------------------------------------------------------------------

  draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    const { kept } = this.told;
    this.formerBox = h("input", { type: "checkbox", "aria-label": `Remove ${fileName(kept.path)}`, on: { change: () => this.toggleFormer() } });
    this.former = tick(this.formerBox, h("span.bytes", null, size(kept.bytes)));
    this.verdict = h("p.dup-verdict");
    fill(
      this.element,
      this.#header(),
      h("figure.kept", null, picture(kept), h("figcaption", null, this.verdict, details(this.told.details)), this.former),
      h("ol.copies", null, this.copies.map((one) => (one.gone ? one.drawGone() : one.draw()))),
    );
    this.element.style.minHeight = "";
    this.refresh();
  }

  #header() {
    const { kept, members, weakest } = this.told;
    const link = members.length === 1 ? `1 copy, ${sure(weakest)} sure` : `${members.length} copies, the weakest link ${sure(weakest)} sure`;
    return h(
      "header",
      null,
      h("h3", { title: kept.path }, fileName(kept.path)),
      h("p", null, folder(kept.path)),
      h("p.link", null, link),
    );
  }

  /** Leaves only the room that it takes, so high. */
  clear(height) {
    if (!this.isDrawn || this.element.contains(document.activeElement)) return;
    this.isDrawn = false;
    this.element.style.minHeight = `${height}px`;
    fill(this.element);
  }

  refresh() {
    if (!this.isDrawn) return;
    const { keeper } = this;
    this.element.classList.toggle("chosen", Boolean(keeper));
    fill(this.verdict, keeper ? h("span", null, "Was to stay") : [h("b", null, "Stays"), ` · ${this.told.reason}`]);
    const { remove, shut } = this.formerState();
    this.former.hidden = !keeper;
    this.formerBox.checked = remove;
    this.formerBox.disabled = shut;
    for (const one of this.copies) one.refresh();
  }

  // --- deciding ----------------------------------------------------------------------------------

  /** The copy that is kept instead of what was proposed; undefined when none is. */
  get keeper() {
    const path = this.view.decisions.keepers.get(this.told.keep);
    return path && this.copies.find((one) => one.told.path === path);
  }

  /** Keeps a copy instead of the proposed picture, or that one again. What was to go, and the proposed one, go for
   *  another one only if it can stand in for the proposed one. */
  prefer(one) {
    const { decisions } = this.view;
    const again = this.keeper === one;
    for (const copy of this.copies) decisions.removes.delete(copy.told.path);
    decisions.removes.delete(this.told.keep);
    if (again) decisions.keepers.delete(this.told.keep);
    else this.#keepInstead(one);
    this.refresh();
    this.view.decided();
  }

  #keepInstead(one) {
    const { decisions, app } = this.view;
    decisions.keepers.set(this.told.keep, one.told.path);
    if (standsIn({ ...one.told, doubt: one.told.stays })) {
      if (this.mayFormerGo) decisions.removes.set(this.told.keep, true);
      return;
    }
    for (const copy of this.copies) decisions.removes.set(copy.told.path, false);
    app.notify(`${one.name} cannot stand in for what was to stay: of its group nothing goes but what you tick.`);
  }

  get mayFormerGo() {
    return !this.told.kept.reference && mayGo(this.view.told, this.told.keep);
  }

  formerState() {
    return { remove: this.view.decisions.goes(this.told.keep), shut: !this.mayFormerGo };
  }

  toggleFormer() {
    const { decisions } = this.view;
    decisions.removes.set(this.told.keep, !decisions.goes(this.told.keep));
    this.refresh();
    this.view.decided();
  }

  /** Leaves out a copy that is none; `back` undoes that. */
  without(one, back) {
    const before = one.element;
    Object.assign(one, { gone: true, back });
    if (before?.isConnected) before.replaceWith(one.drawGone());
    this.refresh();
  }
}
