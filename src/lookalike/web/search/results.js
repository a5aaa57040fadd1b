// What was found: pictures as a grid, how many they are, or why there are none.

import { columnsOf, UNKNOWN } from "../columns.js";
import { fill, h } from "../dom.js";
import { grid } from "../grid.js";
import { picture as shown } from "../pictures.js";
import { count, nameOf, similarity } from "../words.js";
import { onwards, written } from "./address.js";
import { browse, isOpen, known, search } from "./asking.js";
import { nothing, refused } from "./states.js";
import { CAPTION, tile } from "./tile.js";

/** See `Results`. */
export const results = (given) => new Results(given);

class Results {
  /**
   * @param {{app: Object, seen: Object, go: (changes) => void, linkTo: (changes) => string, ways: () => Node[],
   *   act: (as: string, picture) => void, came: () => void}} given ways: to choose a picture; act: what a person does
   *   with one; came: told when pictures have come that one may open.
   */
  constructor(given) {
    Object.assign(this, given, { asked: null, drawn: null, answer: null, among: null, columns: UNKNOWN, searching: null });
    this.heading = h("h1.heading", { tabindex: -1 });
    this.number = h("p.quiet.count");
    this.grid = grid({
      tile: (picture) => this.#tile(picture),
      shot: (picture, width) => shown(picture, width),
      label: "Pictures",
      key: (picture, event) => this.#key(picture, event),
      came: () => this.#count(),
    });
    this.head = h("div.found-head", null, this.heading, this.number);
    this.element = h("div.results", { id: "results", tabindex: -1 }, this.grid.element);
    this.#learnColumns();
  }

  /** Show what an address asks for. */
  async update(asked) {
    this.asked = asked;
    const key = JSON.stringify([written({ ...asked, show: null, trail: [] })]);
    if (this.drawn === key) return;
    this.drawn = key;
    this.searching?.abort();
    this.searching = new AbortController();
    this.#title();
    const before = this.seen.answers.get(key);
    if (before) return this.#put(before);
    await this.#ask(key, this.searching.signal);
  }

  /** How many pictures the filter leaves. */
  leaves(pictures) {
    this.among = pictures;
    this.#count();
  }

  /** The next update asks in any case. */
  forget() {
    this.drawn = null;
  }

  close() {
    this.searching?.abort();
    this.grid.close();
  }

  async #ask(key, signal) {
    const { asked } = this;
    this.element.setAttribute("aria-busy", "true");
    if (!this.answer) this.app.state(this.#instead(), { title: "Looking …", busy: true });
    try {
      const answer = asked.like ? await search(asked, this.app, this.seen, signal) : await browse(asked, this.seen, signal);
      if (this.drawn !== key) return;
      this.seen.keep(key, answer);
      this.#put(answer);
      this.#tell(answer);
    } catch (error) {
      if (error.name !== "AbortError" && this.drawn === key) this.#refused(error);
    } finally {
      if (this.drawn === key) this.element.removeAttribute("aria-busy");
    }
  }

  #put(answer) {
    this.answer = answer;
    this.element.removeAttribute("aria-busy");
    this.element.querySelector(".instead")?.remove();
    this.grid.element.hidden = !known(answer);
    this.grid.set(answer, this.asked.like ? CAPTION.hit : CAPTION.other);
    if (!known(answer)) this.app.state(this.#instead(), nothing(this.asked, this.go));
    this.#count();
    this.app.scrollTo();
    // What had the focus, such as the picture that was clicked, is not there any more.
    if (this.asked.like && document.activeElement === document.body) this.heading.focus({ preventScroll: true });
    this.came();
  }

  /** Where a state stands in place of the pictures. */
  #instead() {
    this.grid.set({ blocks: [], count: 0 });
    this.grid.element.hidden = true;
    this.element.querySelector(".instead")?.remove();
    const instead = h("div.instead");
    this.element.append(instead);
    return instead;
  }

  #refused(error) {
    const box = this.#instead();
    this.answer = { blocks: [], count: 0 };
    this.#count();
    const again = () => {
      this.forget();
      return this.update(this.asked);
    };
    const said = refused(error, this.asked, { go: this.go, ways: this.ways, all: this.app.link("search") });
    if (said) this.app.state(box, said);
    else this.app.failed(box, error, again);
  }

  // --- in words ----------------------------------------------------------------------------------

  #title() {
    const { asked, app } = this;
    this.heading.hidden = !asked.like;
    this.heading.textContent = asked.also.length ? "What looks like these" : "What looks like this";
    if (!asked.like) app.title(asked.where ? `${asked.where} – all pictures` : "Search");
    else this.seen.image(asked.like, 44).then(({ name }) => this.asked === asked && app.title(`Like ${name}`), () => {});
  }

  #count() {
    if (this.answer) fill(this.number, this.#counted());
  }

  #counted() {
    const { asked, answer } = this;
    const among = this.among === null ? "" : count(this.among, "picture");
    if (!asked.like) return asked.where && among ? `${among} of the collection` : among;
    if (!known(answer)) return "";
    if (!asked.threshold) return `most alike first${among ? `, among ${among}` : ""}`;
    return `${count(known(answer), "picture")}${isOpen(answer) ? " or more" : ""} at least ${similarity(asked.threshold)} alike`;
  }

  #tell(answer) {
    if (!this.asked.like || !known(answer)) return;
    const [first] = answer.blocks[0].pictures;
    this.app.announce(`${count(known(answer), "picture")}. Most alike: ${nameOf(first)}, similarity ${similarity(first.similarity)}.`);
  }

  // --- one of them -------------------------------------------------------------------------------

  #tile(picture) {
    const { asked, act, columns } = this;
    const href = this.linkTo({ like: picture.id, also: [], against: [], region: null, trail: onwards(asked) });
    return tile(picture, { href, mayGuide: Boolean(asked.like), columns, act });
  }

  #key(picture, event) {
    const as = { i: "details", " ": "details", "+": "also", "-": "against" }[event.key];
    if (!as || event.target.closest("button")) return;
    event.preventDefault();
    this.act(as, picture);
  }

  /** Numbers are written as their columns are: that is known a little later than the first pictures. */
  async #learnColumns() {
    const found = await columnsOf(this.app).catch(() => null); // the filters tell why
    if (!found) return;
    this.columns = found;
    this.grid.retell();
  }
}
