// Pictures in rows as wide as the page, each in its own shape, however many there are: only those near the
// window are elements. More are asked for as one comes near the end.

import { h } from "./dom.js";

const NARROWEST = 0.5;
const WIDEST = 2.4;

/**
 * A justified grid.
 * @param {Object} given
 * @param {(picture, index) => {href: string, label: string, content: Node[], actions: Node[]}} given.tile
 *   what a picture shows: where its link leads, what screen readers hear, what stands below the picture and
 *   the buttons on it.
 * @param {(picture, width) => Node} given.shot the picture itself, for a width in pixels.
 * @param {string} given.label what the list is, for screen readers.
 * @param {() => Promise<Object[]>} [given.more] gives the next pictures, none at the end.
 * @param {(picture, event) => void} [given.key] keys on a picture that the grid has no use for.
 * @param {number} [given.caption] pixels below each picture.
 * @returns {{element, set(pictures, more), close(), focus(id), items()}}
 */
export function grid({ tile, shot, label, more = null, key = () => {}, caption = 52 }) {
  const element = h("ul.grid", { "aria-label": label, role: "list" });
  let pictures = [];
  let rows = []; // {top, height, first, tiles: [{left, width}]}
  let drawn = new Map(); // index -> element
  let total = 0;
  let current = 0; // the one that Tab comes to
  let loading = false;
  let ended = !more;
  let frame = 0;
  let width = 0;

  const resized = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    const at = held();
    layOut(0);
    draw(true, at);
  });
  resized.observe(element);
  addEventListener("scroll", later, { passive: true });
  addEventListener("resize", later, { passive: true });
  element.addEventListener("keydown", moved);
  element.addEventListener("focusin", (event) => {
    const item = event.target.closest(".item");
    if (item) setCurrent(Number(item.dataset.index));
  });

  function later() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw(false);
    });
  }

  function shape(picture) {
    const ratio = picture.width && picture.height ? picture.width / picture.height : 1;
    return Math.min(WIDEST, Math.max(NARROWEST, ratio));
  }

  /** Rows from a picture on; those before it stay. */
  function layOut(from) {
    width = element.clientWidth;
    if (!width) return;
    const gap = width < 600 ? 8 : 14;
    const wanted = width < 600 ? 132 : width < 1000 ? 170 : 196;
    // The last row may have been left short: begin with it.
    while (rows.length && rows.at(-1).first + rows.at(-1).tiles.length > from) rows.pop();
    if (rows.length && rows.at(-1).short) rows.pop();
    let start = rows.length ? rows.at(-1).first + rows.at(-1).tiles.length : 0;
    let top = rows.length ? rows.at(-1).top + rows.at(-1).height + caption + gap : 0;
    while (start < pictures.length) {
      let shapes = 0;
      let end = start;
      let room = width;
      while (end < pictures.length) {
        shapes += shape(pictures[end]);
        end += 1;
        room = width - gap * (end - start - 1);
        if (room / shapes <= wanted) break;
      }
      // Without the last one the row may come nearer to the height that is wanted.
      const without = shapes - shape(pictures[end - 1]);
      if (end - start > 1 && room / shapes <= wanted && (room + gap) / without - wanted < wanted - room / shapes) {
        end -= 1;
        shapes = without;
        room += gap;
      }
      const short = end === pictures.length && room / shapes > wanted;
      const height = short ? wanted : room / shapes;
      let left = 0;
      const tiles = [];
      for (let i = start; i < end; i += 1) {
        tiles.push({ left, width: shape(pictures[i]) * height });
        left += tiles.at(-1).width + gap;
      }
      rows.push({ top, height, first: start, tiles, short });
      top += height + caption + gap;
      start = end;
    }
    total = top;
    element.style.height = `${Math.max(0, total - gap)}px`;
  }

  function rowAt(y) {
    let [low, high] = [0, rows.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].top + rows[middle].height + caption < y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the focus is: {index, part}; null when it is elsewhere. */
  function held() {
    const item = document.activeElement?.closest(".item");
    if (!item || !element.contains(item)) return null;
    return { index: Number(item.dataset.index), part: [...item.querySelectorAll("a, button")].indexOf(document.activeElement) };
  }

  /** Draws what is near the window; `focus`: what had it before, and gets it again. */
  function draw(anew, focus = null) {
    if (anew) {
      element.replaceChildren();
      drawn = new Map();
    }
    if (!rows.length) return ask();
    const top = -element.getBoundingClientRect().top;
    const screen = innerHeight;
    const first = rowAt(top - screen * 0.75);
    const wanted = new Map();
    for (let at = first; at < rows.length && rows[at].top < top + screen * 1.75; at += 1) {
      rows[at].tiles.forEach((place, i) => wanted.set(rows[at].first + i, [rows[at], place]));
    }
    if (focus) {
      const row = rows.find((one) => focus.index < one.first + one.tiles.length);
      if (row) wanted.set(focus.index, [row, row.tiles[focus.index - row.first]]);
    }
    for (const [index, item] of drawn) {
      if (wanted.has(index) || item.contains(document.activeElement)) continue;
      item.remove();
      drawn.delete(index);
    }
    for (const [index, [row, place]] of wanted) if (!drawn.has(index)) put(index, row, place);
    // Tab has to come to one of them.
    if (!drawn.has(current)) setCurrent(rows[rowAt(Math.max(0, top))].first);
    if (focus && !element.contains(document.activeElement)) drawn.get(focus.index)?.querySelectorAll("a, button")[focus.part]?.focus({ preventScroll: true });
    if (top + screen * 3 > total) ask();
  }

  function put(index, row, place) {
    const picture = pictures[index];
    const { href, label: spoken, content, actions } = tile(picture, index);
    const item = h(
      "li.item",
      {
        role: "listitem",
        "aria-setsize": ended ? pictures.length : -1,
        "aria-posinset": index + 1,
        "data-index": index,
        "data-id": picture.id,
        style: { transform: `translate(${place.left}px, ${row.top}px)`, width: `${place.width}px`, height: `${row.height + caption}px` },
      },
      h("a.shot", { href, "aria-label": spoken, tabindex: index === current ? 0 : -1, style: { height: `${row.height}px` } }, shot(picture, place.width)),
      h("div.caption", null, content),
      h("div.acts", null, actions),
    );
    for (const button of item.querySelectorAll("button")) button.tabIndex = index === current ? 0 : -1;
    drawn.set(index, item);
    // In the order of the pictures, which is that of reading.
    let before = null;
    for (const child of element.children) {
      if (Number(child.dataset.index) > index) {
        before = child;
        break;
      }
    }
    element.insertBefore(item, before);
  }

  async function ask() {
    if (loading || ended) return;
    loading = true;
    const asked = more;
    try {
      const next = await asked();
      if (asked !== more) return;
      loading = false;
      if (!next.length) {
        ended = true;
        for (const item of drawn.values()) item.setAttribute("aria-setsize", pictures.length);
        return;
      }
      const at = held();
      const from = pictures.length;
      pictures = pictures.concat(next);
      const kept = rows.length;
      layOut(from);
      // A row that was short has been laid out again.
      const changed = rows[Math.min(kept, rows.length) - 1]?.first ?? 0;
      for (const [index, item] of drawn) {
        if (index < changed) continue;
        item.remove();
        drawn.delete(index);
      }
      draw(false, at);
    } catch (error) {
      if (asked === more) {
        loading = false;
        ended = error.status !== 0;
      }
    }
  }

  // --- keys ------------------------------------------------------------------------------------

  function setCurrent(index) {
    for (const [at, focusable] of [[current, -1], [index, 0]]) {
      for (const one of drawn.get(at)?.querySelectorAll("a, button") ?? []) one.tabIndex = focusable;
    }
    current = index;
  }

  function moved(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const item = event.target.closest(".item");
    if (!item) return;
    const index = Number(item.dataset.index);
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: beside(index, 1), ArrowUp: beside(index, -1), Home: 0, End: pictures.length - 1 }[event.key];
    if (to === undefined) {
      key(pictures[index], event);
      return;
    }
    event.preventDefault();
    if (to >= 0 && to < pictures.length) goTo(to);
  }

  /** The picture in the next row, or the one before, that is nearest to being below or above this one. */
  function beside(index, step) {
    const at = rows.findIndex((row) => index < row.first + row.tiles.length);
    const row = rows[at + step];
    if (!row) return index;
    const place = rows[at].tiles[index - rows[at].first];
    const middle = place.left + place.width / 2;
    let best = 0;
    row.tiles.forEach((one, i) => {
      const far = (tile) => Math.abs(tile.left + tile.width / 2 - middle);
      if (far(one) < far(row.tiles[best])) best = i;
    });
    return row.first + best;
  }

  function goTo(index) {
    const row = rows.find((one) => index < one.first + one.tiles.length);
    const top = element.getBoundingClientRect().top + scrollY + row.top;
    const space = 70; // for what stays at the top and the bottom
    if (top < scrollY + space) scrollTo(0, top - space);
    else if (top + row.height + caption > scrollY + innerHeight - space) scrollTo(0, top + row.height + caption - innerHeight + space);
    draw(false);
    setCurrent(index);
    drawn.get(index)?.querySelector("a").focus({ preventScroll: true });
  }

  return {
    element,
    /** Show other pictures. */
    set(shown, following = null) {
      pictures = shown;
      more = following;
      ended = !more;
      loading = false;
      rows = [];
      current = 0;
      layOut(0);
      draw(true);
    },
    items: () => pictures,
    focus(id) {
      const index = pictures.findIndex((picture) => picture.id === id);
      if (index >= 0) goTo(index);
    },
    close() {
      resized.disconnect();
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    },
  };
}
