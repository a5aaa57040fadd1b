// The map: all pictures in the plane, near to each other what looks alike, to walk about in. It is the map that
// `lookalike map` draws into a file; here its thumbnails come one by one, and what one finds leads to searches.
//
// Params: those of the map itself (at, by, only, range, q, id); an id opens a picture.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { pictureMap } from "../map-view.js";
import { count, lacking } from "../words.js";

export const title = "Map";

const SIDES = [64, 192, 480]; // pixels of the thumbnails that are asked for
const AT_ONCE = 6;
const KEPT = 1500;
const MOST_FOR_SEARCH = 12; // selected pictures that a search takes

export async function show(root, params, app) {
  const heading = h("h1.spoken", null, title);
  const box = h("div.map-view");
  root.append(heading, box);
  app.state(box, { title: "Unfolding the map …", busy: true });
  const ended = new AbortController();
  const raw = await asked(ended.signal);
  if (!raw.count) return nothingYet(box, app, raw.lacking);
  fill(box, document.getElementById("map-body").content.cloneNode(true));
  const find = (id) => box.querySelector(`#${id}`);
  find("side").querySelector("h1").replaceWith(h("h2", null, title));
  fill(find("facts"), Object.entries(raw.facts).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
  find("plane").setAttribute("aria-label", `Map of ${count(raw.count, "picture")}. Arrow keys move, plus and minus zoom, Enter opens the picture in the middle.`);
  fill(find("count"), count(raw.count, "picture"));

  const own = (state) => [...state].filter(([name]) => name !== "deployment").map(([name, value]) => `${name}=${value}`).join("&");
  let now = params;
  let follow = () => {};
  const map = pictureMap({
    find,
    root: box,
    mayChooseTheme: false,
    raw,
    thumbnails: new Thumbnails(raw, ended.signal),
    signal: ended.signal,
    read: () => String(now),
    write(text) {
      const state = new URLSearchParams(text);
      if (own(state) === own(now)) return;
      // A picture that is opened or closed is a step that Back undoes; moving about is none.
      const step = state.get("id") !== now.get("id");
      now = state;
      app.go("map", Object.fromEntries([...new Set(state.keys())].map((name) => [name, state.getAll(name)])), { replace: !step });
    },
    follow: (then) => (follow = then),
    acts: (i) => ({
      "Search for it": () => app.go("search", { like: map.idOf(i) }),
    }),
    actsOfAll: (some) => ({
      ...(some.length > 1 && some.length <= MOST_FOR_SEARCH && {
        "Search with these": () => app.go("search", { like: map.idOf(some[0]), also: some.slice(1).map(map.idOf) }),
      }),
    }),
  });
  globalThis.lookalikeMap = map;

  return {
    update(changed) {
      if (own(changed) === own(now)) return;
      now = changed;
      follow();
    },
    close: () => ended.abort(),
  };
}

/** The map; {lacking: what is said of it} when nothing was laid out. */
async function asked(signal) {
  // Whether there is one is asked of what always answers.
  const { models } = await api.get("/v1/info", {}, { signal });
  if (!models.some((one) => one.mapped)) return {};
  try {
    return await api.get("/v1/map", {}, { signal });
  } catch (error) {
    if (error.code !== "no_map_yet") throw error;
    return { lacking: lacking(error.message) }; // there is one, of another model than the one that is served
  }
}

function nothingYet(box, app, { what, command } = { what: "There is no map yet", command: "lookalike map map.html" }) {
  app.state(box, {
    symbol: "map",
    title: what,
    text: "Where the pictures lie is computed once, and kept with the collection. Then load this page again:",
    actions: [h("code", null, command)],
  });
}

/** Small pictures for the map, each asked for when it is first drawn: few at a time, the latest ones first. */
class Thumbnails {
  constructor(raw, signal) {
    Object.assign(this, { kept: new Map(), wanted: new Map(), waiting: new Set(), arrived: () => {}, gone: new Set() });
    const { type, data } = raw.ids;
    this.ids = new globalThis[type](Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)).buffer);
    signal.addEventListener("abort", () => this.wanted.clear());
  }

  has = (i) => !this.gone.has(i);

  key = (i, size) => `${i} ${SIDES.find((side) => side * 1.2 >= size * Math.min(devicePixelRatio || 1, 2)) ?? SIDES.at(-1)}`;

  /** What there is of a picture for a size; asks for what would be better. */
  thumbnail(i, size) {
    const key = this.key(i, size);
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
      return placed(found);
    }
    if (!this.waiting.has(key) && !this.gone.has(i)) {
      this.wanted.delete(key);
      this.wanted.set(key, i);
      this.next();
    }
    const other = SIDES.map((side) => this.kept.get(`${i} ${side}`)).find(Boolean);
    return other ? placed(other) : null;
  }

  settled(i, size) {
    return this.kept.has(this.key(i, size)) || this.gone.has(i);
  }

  next() {
    while (this.waiting.size < AT_ONCE && this.wanted.size) {
      const [key, i] = [...this.wanted].at(-1);
      this.wanted.delete(key);
      this.load(key, i);
    }
    // What was wanted long ago is out of sight by now.
    for (const key of [...this.wanted.keys()].slice(0, -400)) this.wanted.delete(key);
  }

  async load(key, i) {
    this.waiting.add(key);
    const image = new Image();
    image.src = api.thumbnail(this.ids[i], Number(key.split(" ")[1]));
    try {
      await image.decode();
      this.kept.set(key, image);
      if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    } catch {
      this.gone.add(i);
    } finally {
      this.waiting.delete(key);
      this.arrived();
      this.next();
    }
  }
}

const placed = (image) => ({ sheet: image, x: 0, y: 0, width: image.naturalWidth, height: image.naturalHeight });
