// Looking for copies on the server: begun here, followed until it ends, and stopped.

import * as api from "../api.js";
import { h } from "../dom.js";
import { number } from "../words.js";

const PAUSE = 700; // milliseconds between two questions of how far it is
const ADDRESS = "/v1/duplicates/search";

export class Looking {
  /**
   * @param {{deployment: () => string, mayWrite: boolean, attempt: (work) => Promise, ended: (state) => void}} given
   *   attempt: does what nobody waits for, and tells when it fails; ended: called when the search has ended.
   */
  constructor(given) {
    Object.assign(this, given, { timer: 0, over: new AbortController() });
    this.bar = h("progress", { max: 1, "aria-label": "How far it is" });
    this.stage = h("p");
    const stop = () => this.attempt(() => api.send("DELETE", ADDRESS));
    const button = this.mayWrite && h("button.secondary", { type: "button", on: { click: stop } }, "Stop");
    this.element = h("div.card.dup-progress", { role: "status" }, h("div", null, h("b", null, "Looking for copies"), this.stage), this.bar, button);
  }

  close() {
    clearTimeout(this.timer);
    this.over.abort();
  }

  /** How far it is; see `/v1/duplicates/search`. */
  state() {
    return api.get(ADDRESS, {}, { signal: this.over.signal });
  }

  /** Begin; gives how far it is. */
  begin() {
    return api.post(ADDRESS);
  }

  /** Show how far it is, and go on asking until it ends. */
  follow(state) {
    this.#show(state);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#asked(), PAUSE);
  }

  async #asked() {
    const state = await this.state().catch(() => null);
    if (this.over.signal.aborted) return;
    // That nothing was answered does not mean that the search has ended.
    if (state === null) this.timer = setTimeout(() => this.#asked(), PAUSE);
    else if (state.state === "running") this.follow(state);
    else {
      this.element.remove();
      this.ended(state);
    }
  }

  #show({ stage, done, total, deployment }) {
    const other = deployment === this.deployment() ? "" : ` in ${deployment}`;
    const far = total ? `: ${number(done)} of ${number(total)}` : done ? `: ${number(done)}` : "";
    this.stage.textContent = `${stage}${other}${far}`;
    if (total) this.bar.value = done / total;
    else this.bar.removeAttribute("value");
  }
}
