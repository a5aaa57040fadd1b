// Search and browse: what is asked on the left, what was found on the right. Without a picture to ask with, the whole
// collection, block by block.
//
// Its address: `like` (an indexed picture's number or an upload's name), `also` and `against` (such, repeated),
// `region` (x,y,width,height in shares), `where`, `threshold`, `model`, `output`, `runtime`, `show` (the picture whose
// details are open) and `trail` (what was asked before, oldest first).

import { fill, h, icon } from "../dom.js";
import { facets } from "../facets.js";
import { choose, dropping, pictures as usable, take } from "../picking.js";
import { onwards, read, sameBut, written } from "../search/address.js";
import { card } from "../search/card.js";
import { opened } from "../search/opened.js";
import { results } from "../search/results.js";
import { seenOf } from "../search/seen.js";
import { trail } from "../search/trail.js";

export const title = "Search";

export function show(root, params, app) {
  const view = new Search(root, params, app);
  view.follow().catch((error) => app.fail(root, error));
  return view;
}

class Search {
  constructor(root, params, app) {
    Object.assign(this, { root, app, asked: read(params) });
    const seen = seenOf(app);
    const given = { app, seen, go: (changes, options) => this.go(changes, options), linkTo: (changes) => this.linkTo(changes), act: (as, picture) => this.act(as, picture) };
    this.hero = h("section.hero");
    this.trail = trail(given);
    this.found = results({ ...given, ways: () => this.ways(), came: () => this.asked.show && this.panel.update(this.asked) });
    this.panel = opened({ ...given, found: this.found });
    this.card = card({ ...given, open: (id) => this.open(id), pick: (as) => this.pick(as) });
    this.filters = facets({ app, changed: (where) => this.go({ where }), counted: (pictures) => this.found.leaves(pictures) });
    this.endDropping = dropping(app, () => this.zones(), (files, as) => this.use(files, as));
    this.draw();
  }

  draw() {
    const isWide = matchMedia("(min-width: 901px)").matches;
    const filters = h("details.filter-box", { open: isWide }, h("summary", null, icon("filter"), "Filters"), this.filters.element);
    this.root.append(
      this.hero,
      h(
        "div.search",
        null,
        h("aside.side", { "aria-label": "Query and filters" }, this.card.element, filters),
        h("div.found", null, this.trail.element, this.found.head, this.filters.chips, this.found.element),
      ),
    );
  }

  // --- states and their addresses ----------------------------------------------------------------

  here(changes) {
    return written({ ...this.asked, show: null, ...changes });
  }

  go(changes, options) {
    return this.app.go("search", this.here(changes), options);
  }

  linkTo(changes) {
    return this.app.link("search", this.here(changes));
  }

  open(id) {
    this.go({ show: id });
  }

  // --- asking with pictures ----------------------------------------------------------------------

  /** What a person does with a picture: "details", "like", "also", "against". */
  act(as, picture) {
    if (as === "details") this.open(picture.id);
    else this.ask([String(picture.id)], this.asked.like ? as : "like");
  }

  async use(files, as = "like") {
    this.ask(await Promise.all(files.map((file) => this.app.uploads.add(file))), as);
  }

  ask(names, as) {
    const { asked } = this;
    const more = (side) => [...new Set([...asked[side], ...names])];
    if (as === "against" && asked.like) this.go({ against: more("against") });
    else if (as === "also" && asked.like) this.go({ also: more("also").filter((name) => name !== asked.like) });
    else this.askAnew(names);
  }

  askAnew([first, ...others]) {
    const before = first === this.asked.like ? this.asked.trail : onwards(this.asked);
    if (!this.go({ like: first, also: others, against: [], region: null, trail: before })) {
      // The address was there before the picture was.
      this.found.forget();
      this.card.redraw();
      this.follow().catch((error) => this.app.fail(this.root, error));
    }
    if (others.length) this.app.notify(`Looking for what is like all ${others.length + 1} pictures.`);
  }

  async pick(as) {
    const files = usable(await choose({ several: true }), this.app);
    if (files.length) await this.use(files, as);
  }

  async photograph() {
    const files = await take(this.app);
    if (files.length) await this.use(files);
  }

  ways() {
    return [
      h("button.primary", { type: "button", "data-do": "pick", on: { click: () => this.pick("like") } }, icon("upload"), "Choose pictures"),
      h("button.secondary", { type: "button", "data-do": "camera", on: { click: () => this.photograph() } }, icon("camera"), "Use the camera"),
    ];
  }

  /** Where pictures can be dropped. */
  zones() {
    const search = { name: "like", text: "Search with this", icon: "search" };
    if (!this.asked.like) return [search];
    return [search, { name: "also", text: "Also like this", icon: "plus" }, { name: "against", text: "Less like this", icon: "minus" }];
  }

  drawHero() {
    this.hero.hidden = Boolean(this.asked.like);
    if (this.hero.hidden || this.hero.childElementCount) return;
    const text = "Drop a picture anywhere on this page, paste one, or choose it here. It is sent to this server only, and not kept.";
    fill(this.hero, h("div.hero-text", null, h("h1", null, "What looks like this?"), h("p", null, text)), h("div.actions", null, this.ways()));
  }

  // --- following the address ---------------------------------------------------------------------

  async follow({ filtered = true } = {}) {
    const { asked } = this;
    this.drawHero();
    const parts = [this.found.update(asked), this.card.update(asked), this.trail.update(asked)];
    if (filtered) parts.push(this.filters.update(asked.where));
    if (this.found.answer) this.panel.update(asked);
    await Promise.all(parts);
  }

  async update(params) {
    const before = this.asked;
    this.asked = read(params);
    if (sameBut(before, this.asked)) this.panel.update(this.asked);
    else await this.follow({ filtered: this.asked.where !== before.where });
  }

  close() {
    this.endDropping();
    this.filters.close();
    this.found.close();
    this.panel.close();
  }
}
