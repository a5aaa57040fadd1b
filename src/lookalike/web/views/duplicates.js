// The copies in the collection, group by group: what stays, what goes, two laid on each other, and the plan.
//
// Params: kind (repeated), doubtful, pair ("KEPT-COPY", two ids) and view ("side", "over", "diff") of the pair that
// is laid on each other. Decisions are no part of the address: they are kept in this window, and end in the plan.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { Decisions } from "../duplicates/decisions.js";
import { Desk, head } from "../duplicates/desk.js";
import { Group } from "../duplicates/group.js";
import { List } from "../duplicates/list.js";
import { Looking } from "../duplicates/looking.js";
import { Pair } from "../duplicates/pair.js";
import { KINDS } from "../duplicates/words.js";
import { fileName } from "../words.js";

export const title = "Duplicates";

const FIRST = 20; // groups asked for at first
const LAST_ONES = 4; // copies left to step to when more groups are asked for

export async function show(root, params, app) {
  const view = new Duplicates(root, app);
  await view.begin(params);
  return view;
}

class Duplicates {
  constructor(root, app) {
    Object.assign(this, { root, app, told: null, list: null, ended: new AbortController(), listing: new AbortController(), decisions: null });
    this.mayWrite = app.session.rights === "write";
    const attempt = (work) => this.attempt(work);
    this.looking = new Looking({ mayWrite: this.mayWrite, attempt, deployment: () => this.params.get("deployment") ?? "default", ended: (state) => this.looked(state) });
    this.desk = new Desk({ filters: () => this.filters(this.params), go: (changes) => this.go(changes), forget: () => this.forget(), download: () => this.download() });
    this.onKey = (event) => this.key(event);
    addEventListener("keydown", this.onKey);
  }

  close() {
    removeEventListener("keydown", this.onKey);
    this.looking.close();
    this.ended.abort();
    this.listing.abort();
    this.pair?.remove();
  }

  async begin(params) {
    this.params = params;
    this.box = h("div");
    fill(this.root, h("h1.spoken", null, title), this.box);
    this.app.state(this.box, { title: "Reading …", busy: true });
    const state = await this.looking.state();
    const isRunning = state.state === "running";
    if (!state.made || !(await this.isLoaded(params))) this.nothingYet(state);
    if (isRunning) this.follow(state);
  }

  /** Loads the list; false when what was found cannot be read any more. */
  async isLoaded(params) {
    try {
      await this.load(params);
      return true;
    } catch (error) {
      if (error.code !== "no_duplicates") throw error;
      return false;
    }
  }

  /** Do what nobody waits for, and tell when it fails. */
  async attempt(work) {
    try {
      await work();
    } catch (error) {
      if (error.name !== "AbortError") this.app.notify(error.message);
    }
  }

  async update(params) {
    const before = this.filters(this.params);
    this.params = params;
    if (!this.told) return this.begin(params);
    if (JSON.stringify(before) !== JSON.stringify(this.filters(params))) await this.load(params);
    return this.showPair();
  }

  filters(params) {
    return { kind: params.getAll("kind").filter((kind) => kind in KINDS), doubtful: params.get("doubtful") || null };
  }

  /** Go to this state with something else in it. */
  go(changes, options) {
    const now = { ...this.filters(this.params), pair: this.params.get("pair"), view: this.params.get("view") };
    this.app.go("duplicates", { ...now, ...changes }, options);
  }

  // --- looking for them --------------------------------------------------------------------------

  nothingYet(state) {
    this.told = null;
    this.box = h("div");
    fill(this.root, h("h1.spoken", null, title), this.box);
    if (state.state === "running") this.waiting();
    else this.app.state(this.box, nobodyLooked(state, this.mayWrite && (() => this.look())));
  }

  waiting() {
    this.app.state(this.box, { title: "Copies are being looked for", text: "What is found is shown here as soon as all pictures have been compared. It goes on when you leave this page.", busy: true });
  }

  look() {
    return this.attempt(async () => {
      const state = await this.looking.begin();
      if (!this.told) this.waiting();
      this.follow(state);
    });
  }

  follow(state) {
    if (!this.looking.element.isConnected) this.root.querySelector("h1").after(this.looking.element);
    this.looking.follow(state);
  }

  async looked(state) {
    if (state.state === "failed") this.app.notify(`Looking for copies failed: ${state.message}`);
    else if (state.state === "done") this.app.announce("Copies have been looked for.");
    await this.begin(this.params).catch((error) => this.app.fail(this.root, error));
  }

  // --- the list ------------------------------------------------------------------------------------

  async load(params) {
    // What was on its way belongs to another list.
    this.listing.abort();
    this.listing = new AbortController();
    const { signal } = this.listing;
    const told = await api.get("/v1/duplicates", { ...this.filters(params), limit: FIRST }, { signal });
    this.decisions ??= new Decisions(params.get("deployment") ?? "");
    if (this.decisions.any && this.decisions.made !== told.made) this.decisions.renew(await api.get("/v1/duplicates/plan", {}, { signal }));
    signal.throwIfAborted(); // another list has been asked for since
    this.decisions.made = told.made;
    this.told = told;
    this.list = new List(this, this.filters(params), signal);
    this.draw();
    this.list.take(told);
    this.app.scrollTo();
    await this.showPair();
  }

  draw() {
    this.head = head(this.told, this.mayWrite && (() => this.look()));
    const isLooking = this.looking.element.isConnected;
    fill(this.root, h("h1.spoken", null, title), isLooking && this.looking.element, h("div.duplicates", null, this.head, this.desk.element, this.list.elements));
    this.desk.draw(this.told, this.decisions);
  }

  // --- deciding --------------------------------------------------------------------------------------

  decided() {
    this.decisions.save();
    this.desk.count(this.told, this.decisions);
    if (this.pair?.isOpen) this.pair.refresh();
  }

  forget() {
    this.decisions.clear();
    this.list.refresh();
    this.decided();
  }

  async download() {
    const plan = await api.get("/v1/duplicates/plan").catch((error) => this.app.notify(error.message));
    if (!plan) return;
    const text = `${JSON.stringify(this.decisions.applied(plan), null, 1)}\n`;
    const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "plan-reviewed.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.app.notify("plan-reviewed.json went to your downloads folder. Nothing has been changed yet: lookalike duplicates apply does that, run there.");
  }

  /** Remember that a copy is none, with a way back. */
  async distinct(one) {
    const { group, told: copy } = one;
    const ids = [group.told.kept.id, copy.picture.id];
    try {
      await api.post("/v1/duplicates/distinct", { ids });
    } catch (error) {
      return this.app.notify(error.message);
    }
    if (group.keeper === one) group.prefer(one); // the one proposed is kept again
    this.decisions.removes.delete(copy.path);
    group.without(one, () => this.attempt(async () => {
      await api.post("/v1/duplicates/distinct", { ids, forget: true });
      await this.load(this.params);
    }));
    this.oneLess(group, copy);
    if (this.pair?.isOpen) this.pair.close();
    return this.app.notify(`${fileName(copy.path)} is remembered as no duplicate. Undo stands in its place.`);
  }

  /** What was told, without a copy that is none. */
  oneLess(group, copy) {
    const { told } = this;
    told.copies -= 1;
    told.kinds[copy.kind] -= 1;
    if (copy.remove) [told.removals, told.bytes] = [told.removals - 1, told.bytes - copy.picture.bytes];
    if (!group.left.length) told.total -= 1;
    const now = head(told, this.mayWrite && (() => this.look()));
    this.head.replaceWith(now);
    this.head = now;
    this.desk.draw(told, this.decisions);
    this.decided();
  }

  // --- two laid on each other ---------------------------------------------------------------------------

  openPair(one) {
    this.go({ pair: one.pair, view: this.pair?.laid.mode() ?? null });
  }

  async showPair() {
    const [kept, copy] = (this.params.get("pair") ?? "").split("-").map(Number);
    if (!kept || !copy) return this.pair?.close();
    const one = this.list.copies.find(({ pair }) => pair === `${kept}-${copy}`) ?? (await this.unlisted(kept, copy));
    if (!one) return this.app.notify("These two are no duplicates any more.");
    return this.lay(one);
  }

  /** A copy that the list does not have yet; undefined when there is none. */
  async unlisted(kept, copy) {
    const { groups } = await api.get("/v1/duplicates", { id: kept }, { signal: this.ended.signal });
    const told = groups.find((one) => one.kept.id === kept && one.members.some(({ picture }) => picture.id === copy));
    return told && new Group(told, this).copies.find(({ told: { picture } }) => picture.id === copy);
  }

  lay(one) {
    this.pair ??= new Pair({
      mayWrite: this.mayWrite,
      go: (changes, options) => this.go(changes, options),
      closed: (pair, copy) => this.pairClosed(pair, copy),
      step: (by) => this.step(by),
      distinct: (copy) => this.distinct(copy),
      chosen: (copy) => this.lay(copy),
    });
    this.pair.lay(one, { pair: this.params.get("pair"), view: this.params.get("view"), at: this.list.copies.indexOf(one), of: this.told.copies });
  }

  pairClosed(pair, one) {
    if (this.params.get("pair") !== pair) return;
    if (pair) this.go({ pair: null, view: null }, { replace: true, back: true });
    this.focus(one);
  }

  step(by) {
    const copies = this.list.copies;
    const at = copies.indexOf(this.pair.one) + by;
    if (copies[at]) this.go({ pair: copies[at].pair, view: this.pair.laid.mode() }, { replace: true });
    if (by > 0 && copies.length - at < LAST_ONES) this.list.more();
  }

  // --- keys ----------------------------------------------------------------------------------------------

  /** The focus to a copy of the list. */
  focus(one) {
    if (!one?.group.element.isConnected || one.gone) return;
    one.group.draw();
    one.look.focus();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.told) return;
    const then = this.pair?.isOpen ? this.pair.key(event) : this.inList(event);
    if (!then) return;
    event.preventDefault();
    then();
  }

  inList(event) {
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return null;
    const copies = this.list.copies;
    const at = copies.findIndex(({ element }) => element?.contains(document.activeElement));
    const one = copies[at];
    const move = (by) => () => this.focus(copies[at < 0 ? 0 : at + by]);
    return {
      j: move(1),
      k: move(-1),
      x: one && (() => one.toggle()),
      c: one && (() => one.group.prefer(one)),
      s: () => this.download(),
    }[event.key];
  }
}

/** That there is nothing to go through; `look`: begins to look for copies, where one may. */
function nobodyLooked(state, look) {
  const failed = state.state === "failed" ? `The last try failed: ${state.message} ` : "";
  const text = look
    ? "All pictures are compared: a few hundred take up to a minute, and more take longer in proportion. Nothing is changed, and the server goes on answering."
    : "Somebody with a token that may write can start that here, or run lookalike duplicates.";
  return {
    symbol: "duplicates",
    title: "Nobody has looked for copies yet",
    text: `${failed}${text}`,
    actions: look ? [h("button.primary", { type: "button", on: { click: look } }, "Look for copies")] : [],
  };
}
