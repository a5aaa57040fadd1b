// Pictures in rows as wide as the page, however many there are: only those near the window are elements, and only
// those that one comes near are asked for. The scroll bar is that of all of them from the first.

import { fill, h } from "./dom.js";
import { Layout } from "./layout.js";

const AROUND = 0.75; // screens above and below the window in which pictures are drawn
const AT_ONCE = 2; // blocks that are asked for at a time
const KEPT = 50; // blocks whose pictures are kept
const AGAIN = 3000; // milliseconds until a server that did not answer is asked again
const SPACE = 70; // pixels for what stays at the window's top and bottom

/**
 * A justified grid.
 * @param {Object} given
 * @param {(picture, index) => {href: string, label: string, content: Node[], actions: Node[]}} given.tile
 *   what a picture shows: where its link leads, what screen readers hear, what stands below the picture and
 *   the buttons on it.
 * @param {(picture, width) => Node} given.shot the picture itself, for a width in pixels.
 * @param {string} given.label what the list is, for screen readers.
 * @param {(picture, event) => void} [given.key] keys on a picture that the grid has no use for.
 * @param {() => void} [given.came] told when more pictures have come.
 */
export function grid(given) {
  return new Grid(given);
}

class Grid {
  constructor({ tile, shot, label, key = () => {}, came = () => {} }) {
    Object.assign(this, { tile, shot, key, came, current: 0, frame: 0, timer: 0 });
    this.element = h("ul.grid", { "aria-label": label, role: "list" });
    this.drawn = new Map(); // index -> {item, block, row, left}
    this.blanks = new Map(); // block -> the element in place of what has not come
    this.set({ blocks: [], count: 0, load: async () => {} });
    this.later = () => {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.#draw();
      });
    };
    this.resized = new ResizeObserver(() => this.element.clientWidth !== this.layout.width && this.refresh());
    this.resized.observe(this.element);
    for (const event of ["scroll", "resize"]) addEventListener(event, this.later, { passive: true });
    this.element.addEventListener("keydown", (event) => this.#moved(event));
    this.element.addEventListener("focusin", (event) => {
      const item = event.target.closest(".item");
      if (item) this.#setCurrent(Number(item.dataset.index));
    });
  }

  /**
   * Show other pictures.
   * @param {Object} answer blocks, count and load; see `search/asking.js`.
   * @param {number} caption pixels below each picture.
   */
  set(answer, caption = 0) {
    this.ended?.abort();
    clearTimeout(this.timer);
    Object.assign(this, { answer, layout: new Layout(answer, caption), loading: new Map(), ended: new AbortController(), current: 0 });
    for (const block of answer.blocks) block.failed = false;
    this.refresh();
  }

  /** Writes again what stands below the pictures: tiles say something else. */
  retell() {
    for (const [index, { item, block }] of this.drawn) {
      fill(item.querySelector(".caption"), this.tile(block.pictures[index - block.first], index).content);
    }
  }

  /** Draws all of it again, as for another width. */
  refresh() {
    const focus = this.#held();
    this.element.replaceChildren();
    [this.drawn, this.blanks] = [new Map(), new Map()];
    this.#arrange();
    this.#draw();
    if (focus) this.#restore(focus);
  }

  /** How many there are, as far as is known. */
  get count() {
    return this.layout.last + 1;
  }

  /** The picture of a number, asked for when it has not come; undefined when there is none. */
  async at(index) {
    const block = this.layout.blockOf(index);
    if (block && !block.pictures) await this.#load(block);
    return block?.pictures?.[index - block.first];
  }

  /** The number of a picture that has come; -1 when it has not. */
  indexOf(id) {
    for (const { first, pictures } of this.answer.blocks) {
      const at = pictures?.findIndex((picture) => picture.id === id) ?? -1;
      if (at >= 0) return first + at;
    }
    return -1;
  }

  /** The focus to a picture. */
  focus(id) {
    const index = this.indexOf(id);
    if (index >= 0) this.#goTo(index);
  }

  close() {
    this.ended.abort();
    clearTimeout(this.timer);
    this.resized.disconnect();
    cancelAnimationFrame(this.frame);
    for (const event of ["scroll", "resize"]) removeEventListener(event, this.later);
  }

  // --- where they are ----------------------------------------------------------------------------

  /** Pixels of it that are above the window. */
  get #top() {
    return -this.element.getBoundingClientRect().top;
  }

  /** Lays all of it out; what is at the window's top stays there. */
  #arrange() {
    const { layout } = this;
    const anchor = this.#top > 0 && layout.height > 0 ? this.#anchor() : null;
    layout.arrange(this.element.clientWidth);
    this.element.style.height = `${Math.max(0, layout.height - layout.gap)}px`;
    for (const one of this.drawn.values()) this.#move(one);
    for (const [block, blank] of this.blanks) this.#span(block, blank);
    if (!anchor) return;
    const [top, height] = layout.span(anchor.block);
    const by = top + anchor.share * height - this.#top;
    if (Math.abs(by) >= 1) scrollBy(0, by);
  }

  /** What the window's top shows: a block, and the share of it that is above. */
  #anchor() {
    const block = this.layout.blockAt(this.#top);
    const [top, height] = this.layout.span(block);
    return { block, share: height ? (this.#top - top) / height : 0 };
  }

  // --- drawing -----------------------------------------------------------------------------------

  /** Draws what is near the window, and asks for it where it has not come. */
  #draw() {
    if (!this.layout.width) return;
    const top = this.#top;
    const { places, missing } = this.layout.near(top - innerHeight * AROUND, top + innerHeight * (1 + AROUND));
    for (const [index, { item }] of this.drawn) {
      if (places.has(index) || item.contains(document.activeElement)) continue;
      item.remove();
      this.drawn.delete(index);
    }
    for (const [index, place] of places) if (!this.drawn.has(index)) this.#put(index, place);
    this.#drawBlanks(missing);
    this.#keepCurrent(places, top);
    this.#ask(missing);
  }

  #put(index, place) {
    const { block, row, width } = place;
    const picture = block.pictures[index - block.first];
    const { href, label, content, actions } = this.tile(picture, index);
    const item = h(
      "li.item",
      {
        role: "listitem",
        "aria-setsize": this.answer.count ?? -1,
        "aria-posinset": index + 1,
        "data-index": index,
        "data-id": picture.id,
        style: { width: `${width}px`, height: `${row.height + this.layout.caption}px` },
      },
      h("a.shot", { href, "aria-label": label, style: { height: `${row.height}px` } }, this.shot(picture, width)),
      h("div.caption", null, content),
      h("div.acts", null, actions),
    );
    for (const one of item.querySelectorAll("a, button")) one.tabIndex = index === this.current ? 0 : -1;
    this.drawn.set(index, { ...place, item });
    this.#move(this.drawn.get(index));
    this.#insert(item, index);
  }

  #move({ item, block, row, left }) {
    item.style.transform = `translate(${left}px, ${this.layout.topOf(block) + row.top}px)`;
  }

  /** Into the order of the pictures, which is that of reading. */
  #insert(made, index) {
    const after = [...this.element.children].find((child) => Number(child.dataset.index) > index);
    this.element.insertBefore(made, after ?? null);
  }

  /** Tab has to come to one of those that are seen. */
  #keepCurrent(places, top) {
    if (this.drawn.has(this.current) || !places.size) return;
    const seen = [...places].find(([, { block, row }]) => this.layout.topOf(block) + row.top >= top);
    this.#setCurrent((seen ?? [...places][0])[0]);
  }

  #setCurrent(index) {
    for (const [at, focusable] of [[this.current, -1], [index, 0]]) {
      for (const one of this.drawn.get(at)?.item.querySelectorAll("a, button") ?? []) one.tabIndex = focusable;
    }
    this.current = index;
  }

  // --- what has not come -------------------------------------------------------------------------

  #drawBlanks(missing) {
    for (const [block, blank] of this.blanks) {
      if (missing.has(block)) continue;
      blank.remove();
      this.blanks.delete(block);
    }
    for (const block of missing) {
      if (this.blanks.has(block)) continue;
      const blank = h("li.blank", { role: "presentation", "data-index": block.first });
      this.blanks.set(block, blank);
      this.#span(block, blank);
      this.#insert(blank, block.first);
    }
  }

  #span(block, blank) {
    const { layout } = this;
    const [top, height] = layout.span(block);
    Object.assign(blank.style, { transform: `translateY(${top}px)`, height: `${height}px` });
    const lattice = { pitch: layout.pitch, picture: layout.wanted, column: (layout.width + layout.gap) / layout.across, gap: layout.gap };
    for (const [name, value] of Object.entries(lattice)) blank.style.setProperty(`--${name}`, `${value}px`);
  }

  /** Asks for blocks, a few at a time: those that are near when there is time for them. */
  #ask(missing) {
    for (const block of missing) {
      if (this.loading.size >= AT_ONCE) return;
      if (!block.failed) this.#load(block);
    }
  }

  /** Asks for a block; done when it has come, or failed to. */
  #load(block) {
    if (!this.loading.has(block)) this.loading.set(block, this.#loaded(block));
    return this.loading.get(block);
  }

  async #loaded(block) {
    const { answer, loading, ended: { signal } } = this;
    try {
      await answer.load(block, signal);
    } catch (error) {
      loading.delete(block);
      if (!signal.aborted) this.#fail(block, error);
      return;
    }
    loading.delete(block);
    if (signal.aborted) return;
    this.#forget(block);
    this.#arrange();
    for (const { item } of this.drawn.values()) item.setAttribute("aria-setsize", answer.count ?? -1);
    this.#draw();
    this.came();
  }

  #fail(block, error) {
    if (error.status === 0) {
      this.timer = setTimeout(this.later, AGAIN);
      return;
    }
    block.failed = true;
    const again = () => {
      block.failed = false;
      this.blanks.get(block)?.replaceChildren();
      this.#draw();
    };
    const button = h("button.secondary", { type: "button", on: { click: again } }, "Try again");
    this.blanks.get(block)?.append(h("p.problem", { role: "alert" }, error.message), button);
  }

  /** Of very many blocks only those around one are kept; the others are asked for again when one comes there. */
  #forget(around) {
    const far = ({ first }) => Math.abs(first - around.first);
    const full = this.answer.blocks.filter((block) => block.pictures).sort((a, b) => far(b) - far(a));
    const inUse = new Set([...this.drawn.values()].map(({ block }) => block));
    for (const block of full.slice(0, Math.max(0, full.length - KEPT))) {
      if (inUse.has(block)) continue;
      block.pictures = null;
      if (block.laid) block.laid.rows = null; // how high it is stays known
    }
  }

  // --- focus and keys ----------------------------------------------------------------------------

  /** Where the focus is: {index, part}; null when it is elsewhere. */
  #held() {
    const item = document.activeElement?.closest(".item");
    if (!item || !this.element.contains(item)) return null;
    return { index: Number(item.dataset.index), part: [...item.querySelectorAll("a, button")].indexOf(document.activeElement) };
  }

  /** Gives what had the focus it again, wherever it is now. */
  #restore({ index, part }) {
    const place = this.layout.placeOf(index);
    if (!place) return;
    if (!this.drawn.has(index)) this.#put(index, place);
    this.drawn.get(index).item.querySelectorAll("a, button")[part]?.focus({ preventScroll: true });
  }

  #moved(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const item = event.target.closest(".item");
    if (!item) return;
    const index = Number(item.dataset.index);
    const beside = (step) => () => this.layout.beside(index, step);
    const to = { ArrowRight: () => index + 1, ArrowLeft: () => index - 1, ArrowDown: beside(1), ArrowUp: beside(-1), Home: () => 0, End: () => this.layout.last }[event.key]?.();
    if (to === undefined) {
      const { block } = this.drawn.get(index);
      this.key(block.pictures[index - block.first], event);
      return;
    }
    event.preventDefault();
    if (to >= 0 && to <= this.layout.last) this.#goTo(to);
  }

  async #goTo(index) {
    const { layout } = this;
    if (!layout.placeOf(index)) index = await this.#fetched(index);
    const place = layout.placeOf(index);
    if (!place) return;
    this.#reveal(layout.topOf(place.block) + place.row.top, place.row.height + layout.caption);
    this.#draw();
    this.#setCurrent(index);
    this.drawn.get(index)?.item.querySelector("a").focus({ preventScroll: true });
  }

  /** Goes to where a picture will be, and waits for it; gives its number, or that of the last one there is. */
  async #fetched(index) {
    const block = this.layout.blockOf(index);
    if (!block) return index;
    const [top, height] = this.layout.span(block);
    const y = top + ((index - block.first) / block.size) * height;
    scrollTo(0, scrollY - this.#top + y - innerHeight / 2);
    await this.#load(block);
    return Math.min(index, block.first + (block.pictures?.length ?? 1) - 1);
  }

  /** Scrolls as little as it takes until something is seen. */
  #reveal(y, height) {
    const at = scrollY - this.#top + y;
    if (at < scrollY + SPACE) scrollTo(0, at - SPACE);
    else if (at + height > scrollY + innerHeight - SPACE) scrollTo(0, at + height - innerHeight + SPACE);
  }
}
