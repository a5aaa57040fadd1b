// What somebody has decided about copies: which go, and which is kept of a group.

import { withKeeper } from "../deciding.js";

/** What somebody has decided, by the paths of pictures; kept for as long as the window is open. */
export class Decisions {
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
