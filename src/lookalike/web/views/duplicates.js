// The copies in the collection, group by group: what stays, what goes, two laid on each other, and the plan.
//
// Params: kind (repeated), doubtful, pair ("KEPT-COPY", two ids) and view ("side", "over", "diff") of the pair that
// is laid on each other. Decisions are no part of the address: they are kept in this window, and end in the plan.

import * as api from "../api.js";
import { mayGo, standsIn, withKeeper } from "../deciding.js";
import { fill, h, icon, s } from "../dom.js";
import { affine, layTwo } from "../laid.js";
import { picture as shown } from "../pictures.js";
import { count, fileName, number, size } from "../words.js";

export const title = "Duplicates";

const KINDS = {
  exact: ["Same file", "the same bytes under another name"],
  pixels: ["Same pixels", "the same pixels in another file"],
  near: ["Same picture", "saved again, resized or recoloured"],
  edited: ["Edited", "cropped, mirrored, turned, framed or written on"],
  burst: ["Burst", "another photo taken within seconds; no copy"],
};
const PART = 20;
const WIDE = 320; // pixels of a picture in the list, at most
const VIEWS = ["side", "over", "diff"];

export async function show(root, params, app) {
  const view = new Duplicates(root, app);
  await view.begin(params);
  return view;
}

/** What somebody has decided, by the paths of pictures; kept for as long as the window is open. */
class Decisions {
  constructor(deployment) {
    this.key = `lookalike duplicates ${deployment}`;
    this.made = null; // of which search the proposals are
    this.proposed = new Map(); // path -> {remove, bytes}, of what was shown or decided about
    let kept = {};
    try {
      kept = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
    } catch {
      // Not allowed, or not ours: nothing was decided.
    }
    this.removes = new Map(kept.removes ?? []); // path -> remove it or not, where that is not what is proposed
    this.keepers = new Map(kept.keepers ?? []); // path of what was to be kept -> path of what is kept instead
  }

  /** What is proposed for a picture. */
  propose(path, remove, bytes) {
    this.proposed.set(path, { remove, bytes });
  }

  /** Forget what is about pictures that are in no group any more, and learn what is proposed for the others. */
  renew(plan) {
    this.proposed.clear();
    for (const { keep, copies } of plan.groups) {
      this.propose(keep.path, false, keep.bytes);
      for (const copy of copies) this.propose(copy.path, copy.remove, copy.bytes);
      if (!copies.some((copy) => copy.path === this.keepers.get(keep.path))) this.keepers.delete(keep.path);
    }
    for (const map of [this.removes, this.keepers]) for (const path of map.keys()) if (!this.proposed.has(path)) map.delete(path);
    this.save();
  }

  /** Whether a picture goes. One that is kept instead never does. */
  goes(path) {
    if ([...this.keepers.values()].includes(path)) return false;
    return this.removes.get(path) ?? this.proposed.get(path).remove;
  }

  /** How many more pictures go than is proposed, and how many more bytes. */
  change() {
    let [pictures, bytes] = [0, 0];
    for (const path of new Set([...this.removes.keys(), ...this.keepers.values()])) {
      const proposed = this.proposed.get(path);
      const sign = this.goes(path) - proposed.remove;
      [pictures, bytes] = [pictures + sign, bytes + sign * proposed.bytes];
    }
    return [pictures, bytes];
  }

  save() {
    const kept = { removes: [...this.removes], keepers: [...this.keepers] };
    try {
      sessionStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      // Full, or not allowed: the decisions hold until the page is loaded anew.
    }
  }

  get any() {
    return this.removes.size > 0 || this.keepers.size > 0;
  }

  clear() {
    this.removes.clear();
    this.keepers.clear();
    this.save();
  }

  /** The plan with what was decided. */
  applied(plan) {
    const groups = plan.groups.map((entry) => {
      const decided = { ...entry, copies: entry.copies.map((copy) => ({ ...copy, remove: this.removes.get(copy.path) ?? copy.remove })) };
      const number = decided.copies.findIndex((copy) => copy.path === this.keepers.get(entry.keep.path));
      if (number < 0) return decided;
      const changed = withKeeper(decided, number);
      changed.copies[0].remove = this.removes.get(entry.keep.path) ?? false;
      return changed;
    });
    return { ...plan, groups };
  }
}

class Duplicates {
  constructor(root, app) {
    Object.assign(this, { root, app, groups: [], told: null, next: null, loading: false, timer: 0, ended: new AbortController(), listing: new AbortController(), decisions: null });
    this.mayWrite = app.session.rights === "write";
    this.onKey = (event) => this.key(event);
    addEventListener("keydown", this.onKey);
  }

  close() {
    removeEventListener("keydown", this.onKey);
    clearTimeout(this.timer);
    this.ended.abort();
    this.listing.abort();
    this.seen?.disconnect();
    this.dialog?.remove();
  }

  async begin(params) {
    this.params = params;
    this.box = h("div");
    fill(this.root, h("h1.spoken", null, title), this.box);
    this.app.state(this.box, { title: "Reading …", busy: true });
    const state = await api.get("/v1/duplicates/search", {}, { signal: this.ended.signal });
    if (!state.made || !(await this.isLoaded(params))) this.nothingYet(state);
    if (state.state !== "running") return;
    this.running(state);
    this.watch();
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
    await this.openPair();
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
    const failed = state.state === "failed" ? `The last try failed: ${state.message} ` : "";
    this.box = h("div");
    fill(this.root, h("h1.spoken", null, title), this.box);
    this.app.state(this.box, {
      symbol: "duplicates",
      title: "Nobody has looked for copies yet",
      text: `${failed}${this.mayWrite
        ? "All pictures are compared: a few hundred take up to a minute, and more take longer in proportion. Nothing is changed, and the server goes on answering."
        : "Somebody with a token that may write can start that here, or run lookalike duplicates."}`,
      actions: this.mayWrite ? [h("button.primary", { type: "button", on: { click: () => this.look() } }, "Look for copies")] : [],
    });
  }

  look() {
    return this.attempt(async () => {
      this.running(await api.post("/v1/duplicates/search"));
      this.watch();
    });
  }

  /** Ask how far the search is until it ends. */
  watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.looked(), 700);
  }

  async looked() {
    const state = await api.get("/v1/duplicates/search", {}, { signal: this.ended.signal }).catch(() => null);
    if (this.ended.signal.aborted) return;
    // That nothing was answered does not mean that the search has ended.
    if (state === null) return this.watch();
    if (state.state === "running") {
      this.running(state);
      return this.watch();
    }
    this.progress?.remove();
    this.progress = null;
    if (state.state === "failed") this.app.notify(`Looking for copies failed: ${state.message}`);
    else if (state.state === "done") this.app.announce("Copies have been looked for.");
    await this.begin(this.params).catch((error) => this.app.fail(this.root, error));
  }

  running({ stage, done, total, deployment }) {
    if (!this.progress) {
      this.bar = h("progress", { max: 1 });
      this.stage = h("p");
      const stop = h("button.secondary", { type: "button", on: { click: () => this.attempt(() => api.send("DELETE", "/v1/duplicates/search")) } }, "Stop");
      this.progress = h("div.card.dup-progress", { role: "status" }, h("div", null, h("b", null, "Looking for copies"), this.stage), this.bar, this.mayWrite && stop);
    }
    if (!this.progress.isConnected) this.root.querySelector("h1").after(this.progress);
    const other = deployment !== (this.params.get("deployment") ?? "default") ? ` in ${deployment}` : "";
    this.stage.textContent = `${stage}${other}${total ? `: ${number(done)} of ${number(total)}` : done ? `: ${number(done)}` : ""}`;
    if (total) this.bar.value = done / total;
    else this.bar.removeAttribute("value");
  }

  // --- the list ------------------------------------------------------------------------------------

  async load(params) {
    // What was on its way belongs to another list.
    this.listing.abort();
    this.listing = new AbortController();
    const { signal } = this.listing;
    const told = await api.get("/v1/duplicates", { ...this.filters(params), limit: PART }, { signal });
    this.decisions ??= new Decisions(params.get("deployment") ?? "");
    if (this.decisions.any && this.decisions.made !== told.made) this.decisions.renew(await api.get("/v1/duplicates/plan", {}, { signal }));
    signal.throwIfAborted(); // another list has been asked for since
    this.decisions.made = told.made;
    this.told = told;
    this.loading = false;
    this.groups = [];
    this.list = h("div.dup-groups");
    this.end = h("p.dup-end");
    this.desk = h("div.dup-desk");
    fill(this.root, h("h1.spoken", null, title), h("div.duplicates", null, this.head(), this.desk, this.list, this.end));
    if (this.progress) this.root.querySelector("h1").after(this.progress);
    this.take(told);
    this.seen?.disconnect();
    this.seen = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && this.more(), { rootMargin: "1200px" });
    this.seen.observe(this.end);
    this.showDesk();
    this.app.scrollTo();
    await this.openPair();
  }

  async more() {
    if (this.loading || this.next === null) return;
    this.loading = true;
    const { signal } = this.listing;
    try {
      const query = { ...this.filters(this.params), limit: PART, after: this.next };
      const part = await api.get("/v1/duplicates", query, { signal });
      signal.throwIfAborted();
      this.take(part);
    } catch (error) {
      if (!signal.aborted) fill(this.end, `${error.message} `, h("button.plain", { type: "button", on: { click: () => this.more() } }, "Try again"));
      return;
    } finally {
      if (!signal.aborted) this.loading = false;
    }
    // What came may not reach below the window.
    this.seen.unobserve(this.end);
    this.seen.observe(this.end);
  }

  take({ groups, next }) {
    this.next = next;
    for (const group of groups) {
      const shown = new Group(group, this);
      this.groups.push(shown);
      this.list.append(shown.element);
    }
    this.end.textContent = next === null ? "" : "Loading more …";
    if (!this.groups.length) fill(this.end, this.told.total ? "No group has such a copy." : "");
  }

  head() {
    const { total, copies, images, made, new: came, failed } = this.told;
    const again = h("button.secondary", { type: "button", on: { click: () => this.look() } }, "Look again");
    const found = new Date(made);
    const later = came ? ` ${count(came, "picture")} came later and ${came === 1 ? "was" : "were"} not looked at.` : "";
    return h("header.dup-head", null,
      h("div", null,
        h("h2", null, total ? `${count(copies, "copy", "copies")} in ${count(total, "group")}` : "No copies were found"),
        h("p", null, `Among ${count(images, "picture")}, found `, h("time", { datetime: made, title: found.toLocaleString() }, ago(found)), `.${later}`,
          failed.length > 0 && ` ${count(failed.length, "file")} could not be read.`),
        total > 0 && h("p.promise", null, h("b", null, "Nothing is removed here."), " Decide what should go, download the plan, and run ", h("code", null, "lookalike duplicates apply plan-reviewed.json"), "."),
      ),
      this.mayWrite && again);
  }

  /** What stays in sight: how much is ticked, what is shown, and the plan. */
  showDesk() {
    const { total, kinds, copies } = this.told;
    if (!total) return fill(this.desk);
    const wanted = this.filters(this.params);
    const chip = (name, text, amount, on, changes) => h("button.dup-chip", {
      type: "button", title: text, "aria-pressed": String(on), on: { click: () => this.go({ ...changes(this.filters(this.params)), pair: null, view: null }) },
    }, name, " ", h("span", null, number(amount)));
    const doubtful = copies - this.told.removals;
    this.ticked = h("p");
    this.freed = h("p");
    this.undo = h("button.plain", { type: "button", on: { click: () => this.forget() } }, "As proposed");
    fill(this.desk,
      h("div.counts", { role: "status" }, this.ticked, this.freed),
      h("div.dup-chips", { role: "group", "aria-label": "Show only" },
        Object.keys(KINDS).filter((kind) => kinds[kind]).map((kind) => {
          const toggled = (now) => ({ kind: now.kind.includes(kind) ? now.kind.filter((one) => one !== kind) : [...now.kind, kind] });
          return chip(KINDS[kind][0], KINDS[kind][1], kinds[kind], wanted.kind.includes(kind), toggled);
        }),
        doubtful > 0 && chip("Doubtful", "copies whose removal is not proposed", doubtful, Boolean(wanted.doubtful), (now) => ({ doubtful: now.doubtful ? null : 1 }))),
      this.undo,
      h("button.primary", { type: "button", id: "plan", on: { click: () => this.download() } }, icon("download"), "Download the plan"));
    this.showCounts();
  }

  showCounts() {
    const { removals, bytes, copies } = this.told;
    const [more, larger] = this.decisions.change();
    const freed = bytes + larger;
    fill(this.ticked, h("b", null, number(removals + more)), ` of ${count(copies, "copy", "copies")} would go`);
    fill(this.freed, h("b", null, size(freed)), " would be freed");
    this.undo.hidden = !this.decisions.any;
  }

  // --- deciding --------------------------------------------------------------------------------------

  decided() {
    this.decisions.save();
    this.showCounts();
    if (this.dialog?.open) this.showDecision();
  }

  forget() {
    this.decisions.clear();
    for (const group of this.groups) group.refresh();
    this.decided();
  }

  async download() {
    const plan = await api.get("/v1/duplicates/plan").catch((error) => this.app.notify(error.message));
    if (!plan) return;
    const text = `${JSON.stringify(this.decisions.applied(plan), null, 1)}\n`;
    const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "plan-reviewed.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.app.notify("plan-reviewed.json went to your downloads. Nothing has been changed yet: lookalike duplicates apply does that.");
  }

  /** Remember that a copy is none, with a way back. */
  async distinct(group, copy) {
    const ids = [group.told.kept.id, copy.picture.id];
    try {
      await api.post("/v1/duplicates/distinct", { ids });
    } catch (error) {
      return this.app.notify(error.message);
    }
    if (group.keeper?.told === copy) group.prefer(group.keeper); // the one proposed is kept again
    this.decisions.removes.delete(copy.path);
    this.told.copies -= 1;
    this.told.kinds[copy.kind] -= 1;
    if (copy.remove) [this.told.removals, this.told.bytes] = [this.told.removals - 1, this.told.bytes - copy.picture.bytes];
    group.without(copy, () => this.attempt(async () => {
      await api.post("/v1/duplicates/distinct", { ids, forget: true });
      await this.load(this.params);
    }));
    this.decided();
    this.showDesk();
    if (this.dialog?.open) this.dialog.close();
    this.app.announce("Remembered: these are no duplicates.");
  }

  // --- two laid on each other ---------------------------------------------------------------------------

  /** The copies shown, with their groups, in order. */
  pairs() {
    return this.groups.flatMap((group) => group.copies.filter((one) => !one.gone).map((one) => ({ group, one })));
  }

  async openPair() {
    const [kept, copy] = (this.params.get("pair") ?? "").split("-").map(Number);
    if (!kept || !copy) {
      if (this.dialog?.open) this.dialog.close();
      return;
    }
    let found = this.pairs().find(({ group, one }) => group.told.kept.id === kept && one.told.picture.id === copy);
    if (!found) {
      const { groups } = await api.get("/v1/duplicates", { id: kept }, { signal: this.ended.signal });
      const told = groups.find((one) => one.kept.id === kept && one.members.some((member) => member.picture.id === copy));
      if (!told) return this.app.notify("These two are no duplicates any more.");
      const group = new Group(told, this);
      found = { group, one: group.copies.find((one) => one.told.picture.id === copy) };
    }
    this.lay(found);
  }

  lay({ group, one }) {
    if (!this.dialog) this.makeDialog();
    this.current = { group, one, pair: this.params.get("pair") };
    const keeper = group.keeper;
    const base = keeper ?? { told: { picture: group.told.kept, details: group.told.details, placement: [[1, 0, 0], [0, 1, 0]], kind: "exact" } };
    const other = keeper === one ? { told: { picture: group.told.kept, details: group.told.details, placement: [[1, 0, 0], [0, 1, 0]], kind: "exact", path: group.told.keep, how: [] }, kept: true } : one;
    this.current.other = other;
    const { laid } = this;
    for (const [image, part] of [[laid.first, base], [laid.second, other]]) {
      image.hidden = false;
      image.src = api.thumbnail(part.told.picture.id, 1024);
    }
    const [below, above] = [base, other].map((part) => affine.ofRows(part.told.placement));
    fill(this.pairName, `${fileName(base.told.picture.path)} and ${fileName(other.told.picture.path)}`);
    laid.stage.setAttribute("aria-label", `Kept: ${fileName(base.told.picture.path)}. Copy: ${fileName(other.told.picture.path)}.`);
    const shown = this.pairs();
    const at = shown.findIndex((pair) => pair.one === one);
    fill(this.nth, at < 0 ? "" : `Copy ${number(at + 1)} of ${number(this.told.copies)}`);
    fill(this.left, group.facts(base, keeper ? "Stays, as you chose" : group.told.reason));
    fill(this.right, group.facts(other));
    if (!this.dialog.open) this.dialog.showModal();
    const wanted = this.params.get("view");
    if (VIEWS.includes(wanted) && laid.mode() !== wanted) laid.choose(wanted);
    laid.show({
      kept: base.told.picture,
      copy: other.told.picture,
      onKept: affine.times(affine.inverse(below), above),
      aligned: [base, other].every((part) => part.told.transform || part.kept || part.told.kind === "exact" || part.told.kind === "pixels"),
    });
    this.showDecision();
    laid.stage.focus({ preventScroll: true });
  }

  makeDialog() {
    this.laid = layTwo({ first: "Kept", second: "Copy", changed: (view) => this.go({ view }, { replace: true }) });
    this.pairName = h("h2", { id: "pair" });
    this.nth = h("p");
    this.left = h("div");
    this.right = h("div");
    this.prefer = h("button.secondary", { type: "button", id: "prefer", on: { click: () => this.choosing() } }, "Keep this one");
    this.decide = h("input", { type: "checkbox", id: "decide", on: { change: () => this.toggle() } });
    const close = h("button.round", { type: "button", "aria-label": "Close", on: { click: () => this.dialog.close() } }, icon("close"));
    const step = (by, name, symbol) => h("button.secondary", { type: "button", "aria-label": name, on: { click: () => this.step(by) } }, icon(symbol));
    this.apart = this.mayWrite && h("button.secondary", { type: "button", id: "apart", on: { click: () => this.distinct(this.current.group, this.current.one.told) } }, "Not duplicates");
    this.dialog = h("dialog.dup-compare", { "aria-labelledby": "pair" },
      h("header", null, h("div", null, this.pairName, this.nth), close),
      this.laid.element,
      h("div.facing", { tabindex: 0, role: "group", "aria-label": "What is known of both" }, h("div", null, h("h3", null, "Kept"), this.left), h("div", null, h("h3", null, "Copy"), this.right)),
      h("footer", null, step(-1, "Previous", "back"), step(1, "Next", "next"), this.prefer, this.apart,
        h("label.tick", null, this.decide, h("span.on", null, "Remove"), h("span.off", null, "Stays"))),
      h("p.keys", null, keys("1", "2", "3"), " view · ", keys("space"), " swap · ", keys("f"), " flicker · ", keys("x"), " remove or not · ", keys("c"), " keep this one · ", keys("j", "k"), " next and previous"));
    this.dialog.addEventListener("close", () => {
      this.laid.stop();
      const { one, pair } = this.current;
      // The event comes late: another pair may have been asked for by now.
      if (this.dialog.open || this.params.get("pair") !== pair) return;
      if (pair) this.go({ pair: null, view: null }, { replace: true, back: true });
      if (one.look.isConnected) one.look.focus();
    });
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.dialog.close(); });
    document.body.append(this.dialog);
  }

  showDecision() {
    const { group, one, other } = this.current;
    const { remove, shut } = other.kept ? group.formerState() : one.state();
    this.decide.checked = remove;
    this.decide.disabled = shut;
    this.decide.setAttribute("aria-label", `Remove ${fileName(other.told.picture.path)}`);
    const on = group.keeper === one;
    this.prefer.setAttribute("aria-pressed", String(on));
    this.prefer.textContent = on ? "Keep the first again" : "Keep this one";
  }

  toggle() {
    const { group, one, other } = this.current;
    if (other.kept) group.toggleFormer();
    else one.toggle();
  }

  choosing() {
    const { group, one } = this.current;
    group.prefer(one);
    this.lay({ group, one });
  }

  step(by) {
    const shown = this.pairs();
    const to = shown[shown.findIndex((pair) => pair.one === this.current.one) + by];
    if (to) this.go({ pair: `${to.group.told.kept.id}-${to.one.told.picture.id}`, view: this.laid.mode() }, { replace: true });
    if (by > 0 && shown.length - shown.indexOf(to) < 4) this.more();
  }

  // --- keys ----------------------------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.told) return;
    const then = this.dialog?.open ? this.inDialog(event) : this.inList(event);
    if (!then) return;
    event.preventDefault();
    then();
  }

  inDialog(event) {
    const { laid } = this;
    const onInput = document.activeElement.matches("input");
    const choose = (view) => () => { laid.choose(view); this.go({ view }, { replace: true }); };
    const over = (then) => () => { if (laid.mode() !== "over") choose("over")(); then(); };
    return {
      1: choose("side"), 2: choose("over"), 3: choose("diff"), f: over(laid.flicker),
      x: () => !this.decide.disabled && this.toggle(), c: () => this.choosing(),
      j: () => this.step(1), k: () => this.step(-1),
      ArrowRight: onInput ? null : () => this.step(1), ArrowLeft: onInput ? null : () => this.step(-1),
      " ": document.activeElement === laid.stage ? over(laid.swap) : null,
    }[event.key];
  }

  inList(event) {
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return null;
    const shown = this.pairs();
    const at = shown.findIndex(({ one }) => one.element.contains(document.activeElement));
    const pair = shown[at];
    const move = (by) => () => shown[at < 0 ? 0 : at + by]?.one.look.focus();
    return {
      j: move(1), k: move(-1),
      x: pair && (() => pair.one.toggle()),
      c: pair && (() => pair.group.prefer(pair.one)),
      s: () => this.download(),
    }[event.key];
  }
}

/** A picture to keep and its copies. */
class Group {
  constructor(told, view) {
    Object.assign(this, { told, view });
    const { kept } = told;
    view.decisions.propose(told.keep, false, kept.bytes);
    for (const copy of told.members) view.decisions.propose(copy.path, copy.remove, copy.picture.bytes);
    this.copies = told.members.map((member) => new Copy(member, this));
    this.formerBox = h("input", { type: "checkbox", "aria-label": `Remove ${fileName(kept.path)}`, on: { change: () => this.toggleFormer() } });
    this.former = h("label.tick", null, this.formerBox, h("span.on", null, "Remove"), h("span.off", null, "Stays"), h("span.bytes", null, size(kept.bytes)));
    this.verdict = h("p.dup-verdict");
    this.kept = h("figure.kept", null, h("span.tile", null, picture(kept)),
      h("figcaption", null, this.verdict, details(told.details)), this.former);
    const link = told.members.length === 1 ? `1 copy, ${sure(told.weakest)} sure` : `${told.members.length} copies, the weakest link ${sure(told.weakest)} sure`;
    this.list = h("ol.copies", null, this.copies.map((one) => one.element));
    this.element = h(`section.group${told.members.length > 1 ? ".many" : ""}`, { "aria-label": `Copies of ${fileName(kept.path)}` },
      h("header", null, h("h3", { title: kept.path }, fileName(kept.path)), h("p", null, folder(kept.path)), h("p.link", null, link)),
      this.kept, this.list);
    this.refresh();
  }

  /** The copy that is kept instead of what was proposed; undefined when none is. */
  get keeper() {
    const path = this.view.decisions.keepers.get(this.told.keep);
    return path && this.copies.find((one) => one.told.path === path);
  }

  facts({ told }, reason) {
    return [
      reason ? h("p.dup-verdict", null, h("b", null, "Stays"), ` · ${reason}`) : told.probability !== undefined && h("p.kind", null, h("b", null, KINDS[told.kind][0]), h("span", null, `${sure(told.probability)} sure`)),
      told.how?.length > 0 && h("p.how", null, sentence(told.how.join(", "))),
      details(told.details),
      !reason && told.stays && h("p.doubt", null, h("b", null, "In doubt: "), told.stays),
    ];
  }

  /** Keeps a copy instead of the proposed picture, or that one again. What was to go, and the proposed one, go for
   *  another one only if it can stand in for the proposed one. */
  prefer(one) {
    const { decisions } = this.view;
    const again = this.keeper === one;
    for (const copy of this.copies) decisions.removes.delete(copy.told.path);
    decisions.removes.delete(this.told.keep);
    if (again) decisions.keepers.delete(this.told.keep);
    else {
      decisions.keepers.set(this.told.keep, one.told.path);
      const stands = standsIn({ ...one.told, doubt: one.told.stays });
      if (!stands) for (const copy of this.copies) decisions.removes.set(copy.told.path, false);
      else if (this.mayFormerGo) decisions.removes.set(this.told.keep, true);
      if (!stands) this.view.app.notify(`${fileName(one.told.path)} cannot stand in for what was to stay: of its group nothing goes but what you tick.`);
    }
    this.refresh();
    this.view.decided();
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

  refresh() {
    const { keeper } = this;
    this.element.classList.toggle("chosen", Boolean(keeper));
    fill(this.verdict, keeper ? h("span", null, "Was to stay") : [h("b", null, "Stays"), ` · ${this.told.reason}`]);
    const { remove, shut } = this.formerState();
    this.former.hidden = !keeper;
    this.formerBox.checked = remove;
    this.formerBox.disabled = shut;
    for (const one of this.copies) one.refresh();
  }

  /** Leaves out a copy that is none; `back` undoes that. */
  without(copy, back) {
    const one = this.copies.find((other) => other.told === copy);
    one.gone = true;
    const undo = h("button.plain", { type: "button", on: { click: back } }, "Undo");
    fill(one.element, h("p.apart", null, `${fileName(copy.path)}: remembered as no duplicate.`), undo);
    one.element.className = "copy away";
    this.refresh();
  }
}

/** One copy of a group. */
class Copy {
  constructor(told, group) {
    Object.assign(this, { told, group, gone: false });
    const name = fileName(told.path);
    this.box = h("input", { type: "checkbox", "aria-label": `Remove ${name}`, on: { change: () => this.toggle() } });
    this.look = h("button.look", { type: "button", "aria-label": `Compare ${name}`, on: { click: () => this.open() } }, h("span.tile", null, picture(told.picture)), this.outline());
    this.prefer = h("button.prefer", { type: "button", "aria-pressed": "false", "aria-label": `Keep ${name} instead`, on: { click: () => group.prefer(this) } }, "Keep this one");
    const apart = group.view.mayWrite && h("button.prefer", { type: "button", "aria-label": `${name} is no duplicate`, on: { click: () => group.view.distinct(group, told) } }, "Not duplicates");
    this.element = h("li.copy", null, this.look,
      h("div.about", null,
        h("p.kind", null, h("b", { title: KINDS[told.kind][1] }, KINDS[told.kind][0]), h("span", null, `${sure(told.probability)} sure`)),
        h("p.name", { title: told.path }, name, " ", h("span.in", null, folder(told.path))),
        told.how.length > 0 && h("p.how", null, sentence(told.how.join(", "))),
        details(told.details),
        told.stays && h("p.doubt", null, h("b", null, "In doubt: "), told.stays),
        h("div.dup-acts", null, this.prefer, apart)),
      h("label.tick", null, this.box, h("span.on", null, "Remove"), h("span.off", null, "Stays"), h("span.bytes", null, size(told.picture.bytes))));
  }

  open() {
    this.group.view.go({ pair: `${this.group.told.kept.id}-${this.told.picture.id}`, view: this.group.view.laid?.mode() ?? null });
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
    const { remove, shut } = this.state();
    this.box.checked = remove;
    this.box.disabled = shut;
    const on = this.group.keeper === this;
    this.element.classList.toggle("preferred", on);
    this.prefer.setAttribute("aria-pressed", String(on));
    this.prefer.textContent = on ? "Stays, as you chose" : "Keep this one";
  }

  /** A small drawing of which part of the picture kept a copy shows; nothing when it shows all of it. */
  outline() {
    const { told: { overlap, transform, picture: { width, height }, placement }, group: { told: { kept } } } = this;
    if (overlap === null || overlap >= 0.97 || !transform) return null;
    const scale = 100 / Math.max(kept.width, kept.height);
    const matrix = affine.ofRows(placement);
    const points = [[0, 0], [width, 0], [width, height], [0, height]].map((point) => affine.at(matrix, point).map((n) => (n * scale).toFixed(1)).join(",")).join(" ");
    const [across, down] = [kept.width * scale, kept.height * scale];
    return s("svg", { class: "outline", viewBox: `0 0 ${across} ${down}`, "aria-hidden": "true" }, s("rect", { width: across, height: down }), s("polygon", { points }));
  }
}

// --- words and small parts ----------------------------------------------------------------------------------

const picture = (one) => shown(one, WIDE, { alt: fileName(one.path) });

const details = (list) => h("dl.dup-details", null, list.map(({ name, value, comparison, rank }) =>
  h("div", null, h("dt", null, name), h("dd", null, value, comparison && [" ", h(`span.${rank || "equal"}`, null, comparison)]))));

const keys = (...names) => names.map((name) => [h("kbd", null, name), " "]);

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A probability in percent, rounded down: only what is certain is 100 %. */
const sure = (probability) => (probability >= 1 ? "100 %" : `${(Math.floor(probability * 1000) / 10).toFixed(1)} %`);

const folder = (path) => {
  const name = path.split("/").at(-2);
  return name ? `in ${name}` : "";
};

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** "3 hours ago" */
const ago = (date) => {
  const seconds = (Date.now() - date) / 1000;
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? [];
  return unit ? new Intl.RelativeTimeFormat("en").format(-Math.floor(seconds / length), unit) : "just now";
};
