// The groups below each other, asked for as one comes near their end. Of very many, those near the window are drawn.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { Group } from "./group.js";

const PART = 60; // groups asked for at a time, after the first ones
const NEAR = "1200px"; // of the window: groups are drawn, and more are asked for

export class List {
  /**
   * @param {Object} view what groups belong to: its decisions, what it was told, and what it does.
   * @param {Object} filters what groups are asked for.
   * @param {AbortSignal} signal ends it.
   */
  constructor(view, filters, signal) {
    Object.assign(this, { view, filters, signal, groups: [], next: null, loading: false, groupOf: new Map() });
    this.groupsElement = h("div.dup-groups");
    this.end = h("p.dup-end");
    this.elements = [this.groupsElement, this.end];
    this.seen = new IntersectionObserver((entries) => this.#sighted(entries), { rootMargin: NEAR });
    signal.addEventListener("abort", () => this.seen.disconnect());
  }

  /** The copies that were told of, in order. */
  get copies() {
    return this.groups.flatMap((group) => group.left);
  }

  /** Add what the server told of. */
  take({ groups, next, total }) {
    this.next = next;
    const part = h("div.dup-part"); // by themselves, so that one that is drawn does not move all others
    for (const told of groups) {
      const group = new Group(told, this.view);
      this.groups.push(group);
      this.groupOf.set(group.element, group);
      group.draw();
      part.append(group.element);
      this.seen.observe(group.element);
    }
    this.groupsElement.append(part);
    const none = !this.groups.length && total ? "No group has such a copy." : "";
    this.end.textContent = next === null ? none : "Loading more …";
    // What came may not reach below the window.
    this.seen.unobserve(this.end);
    this.seen.observe(this.end);
  }

  /** Asks for the following ones, if there are any. */
  async more() {
    if (this.loading || this.next === null) return;
    this.loading = true;
    const { signal } = this;
    try {
      const part = await api.get("/v1/duplicates", { ...this.filters, limit: PART, after: this.next }, { signal });
      this.loading = false;
      if (!signal.aborted) this.take(part);
    } catch (error) {
      this.loading = false;
      if (signal.aborted) return;
      fill(this.end, `${error.message} `, h("button.plain", { type: "button", on: { click: () => this.more() } }, "Try again"));
    }
  }

  refresh() {
    for (const group of this.groups) group.refresh();
  }

  /** Groups that come near the window are drawn, and those that leave it are not any more. */
  #sighted(entries) {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      if (target === this.end) {
        if (isIntersecting) this.more();
      } else if (isIntersecting) this.groupOf.get(target).draw();
      else this.groupOf.get(target).clear(boundingClientRect.height);
    }
  }
}
