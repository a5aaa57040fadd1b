// Where each of very many pictures lies, of which only some have come: in blocks below each other, each in rows. How
// high a block is that has not come is told from those that have.

import { rowsOf, shapeOf } from "./rows.js";

/** A block is {first, size, pictures}, see `search/asking.js`; `laid` is added to it: how it lies for some width. */
export class Layout {
  constructor(answer, caption) {
    Object.assign(this, { answer, caption, width: 0, tops: [] });
  }

  get blocks() {
    return this.answer.blocks;
  }

  get gap() {
    return this.width < 600 ? 8 : 14;
  }

  /** How high a picture should be. */
  get wanted() {
    return this.width < 600 ? 132 : this.width < 1000 ? 170 : 196;
  }

  /** Pixels from the top of a row to that of the next one. */
  get pitch() {
    return this.wanted + this.caption + this.gap;
  }

  /** Pictures in a row, were they all squares. */
  get across() {
    return Math.max(1, Math.round((this.width + this.gap) / (this.wanted + this.gap)));
  }

  /** The number of the last picture, as far as is known; -1 when there is none. */
  get last() {
    const end = this.blocks.at(-1);
    return end ? end.first + (end.pictures?.length ?? end.size) - 1 : -1;
  }

  /** Pixels from the first row's top to below the last one's. */
  get height() {
    return this.tops.at(-1) ?? 0;
  }

  /** Lays all blocks below each other. */
  arrange(width) {
    this.width = width;
    const usual = this.#usualHeight();
    let at = 0;
    this.tops = this.blocks.map((block) => {
      const here = at;
      at += this.#isLaid(block) ? block.laid.height : block.size * usual;
      return here;
    });
    this.tops.push(at);
  }

  /** Top and height of a block. */
  span(block) {
    const place = this.blocks.indexOf(block);
    return [this.tops[place], this.tops[place + 1] - this.tops[place]];
  }

  topOf(block) {
    return this.tops[this.blocks.indexOf(block)];
  }

  /** The block at a height. */
  blockAt(y) {
    return this.blocks[lastBelow(this.tops.slice(0, -1), y, (top) => top)];
  }

  /** The block of a picture's number. */
  blockOf(index) {
    return this.blocks[lastBelow(this.blocks, index, (block) => block.first)];
  }

  /** The rows of a block, {first, height, widths, top}; null when its pictures have not come. */
  rowsIn(block) {
    if (!block.pictures || !this.width) return null;
    if (!this.#isLaid(block) || !block.laid.rows) this.#lay(block);
    return block.laid.rows;
  }

  /** Between two heights: the places of pictures, index -> {block, row, left, width}, and the blocks that lack them. */
  near(from, to) {
    const places = new Map();
    const missing = new Set();
    const start = this.blocks.indexOf(this.blockAt(from));
    for (let at = Math.max(start, 0); at < this.blocks.length && this.tops[at] < to; at += 1) {
      const rows = this.rowsIn(this.blocks[at]);
      if (!rows) missing.add(this.blocks[at]);
      else this.#within(rows, from - this.tops[at], to - this.tops[at]).forEach((row) => this.#collect(this.blocks[at], row, places));
    }
    return { places, missing };
  }

  /** Where a picture is: {block, row, left, width}; undefined when it has not come. */
  placeOf(index) {
    const block = this.blockOf(index);
    const rows = block && this.rowsIn(block);
    if (!rows?.length) return undefined;
    const places = new Map();
    this.#collect(block, rows[lastBelow(rows, index - block.first, (row) => row.first)], places);
    return places.get(index);
  }

  /** The picture in the next row (step 1), or the one before (-1), that is nearest to being below or above one. */
  beside(index, step) {
    const { block, row, left, width } = this.placeOf(index);
    const rows = this.rowsIn(block);
    const at = rows.findIndex(({ first }) => first === row.first) + step;
    if (rows[at]) return block.first + this.#nearest(rows[at], left + width / 2);
    const other = this.blocks[this.blocks.indexOf(block) + step];
    if (!other) return index;
    const beyond = this.rowsIn(other)?.at(step > 0 ? 0 : -1);
    if (!beyond) return step > 0 ? other.first : block.first - 1;
    return other.first + this.#nearest(beyond, left + width / 2);
  }

  #isLaid({ laid }) {
    return laid?.width === this.width && laid.caption === this.caption;
  }

  #lay(block) {
    const { width, caption, gap, wanted } = this;
    const ends = block === this.blocks.at(-1) && this.answer.count !== null;
    let height = 0;
    const rows = rowsOf(block.pictures.map(shapeOf), { width, gap, wanted, ends }).map((row) => {
      const placed = { ...row, top: height };
      height += row.height + caption + gap;
      return placed;
    });
    block.laid = { width, caption, rows, height };
  }

  /** Height that a picture takes up, by those that have come. */
  #usualHeight() {
    let [height, pictures] = [0, 0];
    for (const block of this.blocks) {
      if (!this.rowsIn(block)) continue;
      height += block.laid.height;
      pictures += block.pictures.length;
    }
    return pictures ? height / pictures : this.pitch / this.across;
  }

  #within(rows, from, to) {
    const start = lastBelow(rows, from, (row) => row.top);
    return rows.slice(start).filter((row) => row.top < to);
  }

  #collect(block, row, places) {
    let left = 0;
    row.widths.forEach((width, i) => {
      places.set(block.first + row.first + i, { block, row, left, width });
      left += width + this.gap;
    });
  }

  #nearest({ first, widths }, middle) {
    let [left, best, least] = [0, 0, Infinity];
    widths.forEach((width, i) => {
      const far = Math.abs(left + width / 2 - middle);
      if (far < least) [best, least] = [i, far];
      left += width + this.gap;
    });
    return first + best;
  }
}

/** The number of the last of some, which ascend by what `of` gives, that is not above a value; 0 when all are. */
function lastBelow(some, value, of) {
  let [low, high] = [0, some.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (of(some[middle]) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
