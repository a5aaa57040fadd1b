// Two pictures of a group laid on each other in a window over the list: the one kept, and a copy of it.

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { affine, layTwo } from "../laid.js";
import { fileName, number } from "../words.js";
import { capital, details, doubt, KINDS, sure, tick } from "./words.js";

const VIEWS = ["side", "over", "diff"];
const LARGE = 1024; // pixels of a picture at most

export class Pair {
  /**
   * @param {{mayWrite: boolean, go: (changes, options) => void, closed: (pair: string, copy) => void,
   *   step: (by) => void, distinct: (copy) => void, chosen: (copy) => void}} given closed: told of the pair that was
   *   open; step: to the next copy, or back; distinct: it is none; chosen: it is kept instead, or not any more.
   */
  constructor(given) {
    Object.assign(this, given, { one: null, other: null, pair: null });
    this.laid = layTwo({ first: "Kept", second: "Copy", changed: (view) => this.go({ view }, { replace: true }) });
    this.name = h("h2", { id: "pair" });
    this.nth = h("p");
    this.left = h("div");
    this.right = h("div");
    this.prefer = h("button.secondary", { type: "button", id: "prefer", on: { click: () => this.choose() } }, "Keep this one");
    this.decide = h("input", { type: "checkbox", id: "decide", on: { change: () => this.toggle() } });
    this.dialog = this.#dialog();
    document.body.append(this.dialog);
  }

  get isOpen() {
    return this.dialog.open;
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  remove() {
    this.laid.stop();
    this.dialog.remove();
  }

  #dialog() {
    const round = h("button.round", { type: "button", "aria-label": "Close", on: { click: () => this.dialog.close() } }, icon("close"));
    const step = (by, name, symbol) => h("button.secondary", { type: "button", "aria-label": name, on: { click: () => this.step(by) } }, icon(symbol));
    const apart = this.mayWrite && h("button.secondary", { type: "button", id: "apart", on: { click: () => this.distinct(this.one) } }, "Not duplicates");
    const known = (name, of) => h("div", null, h("h3", null, name), of);
    return h(
      "dialog.dup-compare",
      { "aria-labelledby": "pair", on: { close: () => this.#closed(), click: (event) => event.target === this.dialog && this.dialog.close() } },
      h("header", null, h("div", null, this.name, this.nth), round),
      this.laid.element,
      h("div.facing", { tabindex: 0, role: "group", "aria-label": "What is known of both" }, known("Kept", this.left), known("Copy", this.right)),
      h("footer", null, step(-1, "Previous", "back"), step(1, "Next", "next"), this.prefer, apart, tick(this.decide)),
      h("p.keys", null, keys("1", "2", "3"), " view · ", keys("space"), " swap · ", keys("f"), " flicker · ", keys("x"), " remove or not · ", keys("c"), " keep this one · ", keys("j", "k"), " next and previous"),
    );
  }

  #closed() {
    this.laid.stop();
    // The event comes late: another pair may have been asked for by now.
    if (!this.dialog.open) this.closed(this.pair, this.one);
  }

  /**
   * Lay a copy on the picture that is kept.
   * @param {Object} one the copy.
   * @param {{pair: string, view: string, at: number, of: number}} where the address's pair and view, and the copy's
   *   number among those shown; -1 when it is not.
   */
  lay(one, { pair, view, at, of }) {
    const { group } = one;
    const { keeper } = group;
    const proposed = { told: { ...group.told, picture: group.told.kept, path: group.told.keep, placement: [[1, 0, 0], [0, 1, 0]], kind: "exact", how: [] }, isProposed: true };
    const base = keeper ?? proposed;
    const other = keeper === one ? proposed : one;
    Object.assign(this, { one, other, pair });
    fill(this.name, `${nameOf(base)} and ${nameOf(other)}`);
    fill(this.nth, at < 0 ? "" : `Copy ${number(at + 1)} of ${number(of)}`);
    fill(this.left, facts(base, keeper ? "Stays, as you chose" : group.told.reason));
    fill(this.right, facts(other));
    if (!this.dialog.open) this.dialog.showModal();
    this.#show(base, other, view);
    this.refresh();
    this.laid.stage.focus({ preventScroll: true });
  }

  #show(base, other, view) {
    const { laid } = this;
    for (const [image, part] of [[laid.first, base], [laid.second, other]]) {
      image.hidden = false;
      image.src = api.thumbnail(part.told.picture.id, LARGE);
    }
    laid.stage.setAttribute("aria-label", `Kept: ${nameOf(base)}. Copy: ${nameOf(other)}.`);
    const [below, above] = [base, other].map((part) => affine.ofRows(part.told.placement));
    if (VIEWS.includes(view) && laid.mode() !== view) laid.choose(view);
    laid.show({
      kept: base.told.picture,
      copy: other.told.picture,
      onKept: affine.times(affine.inverse(below), above),
      aligned: [base, other].every(isPlaced),
    });
  }

  // --- deciding ----------------------------------------------------------------------------------

  /** Shows what was decided about the copy. */
  refresh() {
    const { one, other } = this;
    const { remove, shut } = other.isProposed ? one.group.formerState() : one.state();
    this.decide.checked = remove;
    this.decide.disabled = shut;
    this.decide.setAttribute("aria-label", `Remove ${nameOf(other)}`);
    const on = one.group.keeper === one;
    this.prefer.setAttribute("aria-pressed", String(on));
    this.prefer.textContent = on ? "Keep the first again" : "Keep this one";
  }

  toggle() {
    if (this.other.isProposed) this.one.group.toggleFormer();
    else this.one.toggle();
  }

  choose() {
    const { one } = this;
    one.group.prefer(one);
    this.chosen(one);
  }

  // --- keys --------------------------------------------------------------------------------------

  /** What a key does here; undefined for one that does nothing. */
  key({ key }) {
    const { laid } = this;
    const onInput = document.activeElement.matches("input");
    const choose = (view) => () => {
      laid.choose(view);
      this.go({ view }, { replace: true });
    };
    const over = (then) => () => {
      if (laid.mode() !== "over") choose("over")();
      then();
    };
    return {
      1: choose("side"),
      2: choose("over"),
      3: choose("diff"),
      f: over(laid.flicker),
      x: () => !this.decide.disabled && this.toggle(),
      c: () => this.choose(),
      j: () => this.step(1),
      k: () => this.step(-1),
      ArrowRight: onInput ? null : () => this.step(1),
      ArrowLeft: onInput ? null : () => this.step(-1),
      " ": document.activeElement === laid.stage ? over(laid.swap) : null,
    }[key];
  }
}

const nameOf = ({ told }) => fileName(told.picture.path);

/** Whether it is known how a picture lies on the one that was proposed. */
const isPlaced = ({ told, isProposed }) => isProposed || told.transform || told.kind === "exact" || told.kind === "pixels";

/** What is known of one of the two; with a reason it stays. */
function facts({ told, isProposed }, reason) {
  const kind = () => h("p.kind", null, h("b", null, KINDS[told.kind][0]), h("span", null, `${sure(told.probability)} sure`));
  return [
    reason ? h("p.dup-verdict", null, h("b", null, "Stays"), ` · ${reason}`) : !isProposed && kind(),
    told.how?.length > 0 && h("p.how", null, capital(told.how.join(", "))),
    details(told.details),
    !reason && told.stays && doubt(told.stays),
  ];
}

const keys = (...names) => names.map((name) => [h("kbd", null, name), " "]);
