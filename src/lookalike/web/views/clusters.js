// The clusters that were kept with the collection: each with the picture that stands for it and its most typical
// ones; and one of them, with many of its pictures and those that lie near it.
//
// Params: order ("size", "cohesion", "label"), label (a text that labels must have), cluster (one of them).

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { picture } from "../pictures.js";
import { count, lacking, number, similarity } from "../words.js";

export const title = "Clusters";

const ORDERS = { size: "Largest first", cohesion: "Most alike first", label: "By name" };
const PART = 48;
const FEW = 7; // pictures on a card
const MANY = 120; // pictures of one cluster

export async function show(root, params, app) {
  const view = new Clusters(root, app);
  await view.draw(params);
  return view;
}

class Clusters {
  constructor(root, app) {
    Object.assign(this, { root, app, ended: new AbortController(), drawn: new AbortController(), timer: 0 });
  }

  close() {
    this.ended.abort();
    this.drawn.abort();
    this.seen?.disconnect();
    clearTimeout(this.timer);
  }

  async update(params) {
    // While one types, only the list changes.
    const same = params.get("cluster") === this.params.get("cluster") && !params.get("cluster");
    await (same && this.list?.isConnected ? this.refresh(params) : this.draw(params));
  }

  ask(query) {
    return api.get("/v1/clusters", query, { signal: this.drawn.signal });
  }

  async draw(params) {
    this.drawn.abort();
    this.drawn = new AbortController();
    this.params = params;
    this.seen?.disconnect();
    // Whether there are any is asked of what always answers.
    const info = await api.get("/v1/info", {}, { signal: this.drawn.signal });
    if (!info.clusters) return this.nothingYet();
    const one = Number(params.get("cluster"));
    try {
      await (one ? this.one(one) : this.all(info.clusters));
    } catch (error) {
      if (error.code !== "no_clusters") throw error; // there are some, of another model than the one that is served
      this.nothingYet(lacking(error.message));
    }
  }

  nothingYet({ what, command } = { what: "There are no clusters yet", command: "lookalike cluster" }) {
    const box = h("div");
    fill(this.root, h("h1.spoken", null, title), box);
    this.app.state(box, {
      symbol: "clusters",
      title: what,
      text: "How the pictures fall into groups is found once, and kept with the collection. Then load this page again:",
      actions: [h("code.command", null, command)],
    });
  }

  // --- all of them ------------------------------------------------------------------------------------

  async all({ clusters, images, noise, new: came, method, level }) {
    const field = h("input", { type: "search", value: this.params.get("label") ?? "", placeholder: "Find by name", "aria-label": "Find clusters by name", "data-search": true, autocomplete: "off",
      on: { input: () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.go({ label: field.value.trim() || null }, { replace: true }), 250); } } });
    const order = h("select", { "aria-label": "Order", on: { change: () => this.go({ order: order.value === "size" ? null : order.value }) } },
      Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)));
    order.value = this.order(this.params);
    Object.assign(this, { field, orderField: order });
    this.list = h("ol.clusters");
    this.end = h("p.clusters-end");
    const how = method === "kmeans" ? "k-means" : `level ${level} of 5, from coarse to fine`;
    const rest = [noise && `${count(noise, "picture")} like no others`, came && `${count(came, "new picture", "new pictures")} in none yet`].filter(Boolean).join(" · ");
    fill(this.root,
      h("div.clusters-page", null,
        h("header.clusters-head", null,
          h("div", null, h("h1", null, count(clusters, "cluster")), h("p", null, `${count(images, "picture")} in them, ${how}${rest ? ` · ${rest}` : ""}`)),
          h("div.clusters-tools", null, field, order)),
        this.list, this.end));
    await this.refresh(this.params);
    this.app.scrollTo();
  }

  order(params) {
    return params.get("order") in ORDERS ? params.get("order") : "size";
  }

  go(changes, options) {
    this.app.go("clusters", { order: this.params.get("order"), label: this.params.get("label"), ...changes }, options);
  }

  async refresh(params) {
    this.params = params;
    if (document.activeElement !== this.field) this.field.value = params.get("label") ?? "";
    this.orderField.value = this.order(params);
    this.drawn.abort();
    this.drawn = new AbortController();
    this.next = 0;
    this.loading = false;
    fill(this.list);
    this.seen?.disconnect();
    await this.more();
    this.seen = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && this.more(), { rootMargin: "1000px" });
    this.seen.observe(this.end);
  }

  async more() {
    if (this.loading || this.next === null) return;
    this.loading = true;
    try {
      const told = await this.ask({ order: this.order(this.params), label: this.params.get("label"), limit: PART, after: this.next, members: FEW });
      this.next = told.next;
      this.list.append(...told.clusters.map((one) => this.card(one)));
      this.end.textContent = told.matching ? "" : "No cluster has such a name.";
    } finally {
      this.loading = false;
    }
    this.seen?.unobserve(this.end);
    this.seen?.observe(this.end);
  }

  card(cluster) {
    const [medoid, ...others] = cluster.members;
    return h("li", null, h("a.cluster.card", { href: this.app.link("clusters", { cluster: cluster.id }) },
      h("span.pictures", { "aria-hidden": "true" }, h("span.medoid", null, small(medoid, 320)), others.slice(0, FEW - 1).map((id) => small(id, 160))),
      h("span.words", null,
        h("span.name", null, nameOf(cluster)),
        h("span.size", null, count(cluster.size, "picture")),
        cohesion(cluster))));
  }

  // --- one of them -------------------------------------------------------------------------------------

  async one(id) {
    const { clusters: [cluster] } = await this.ask({ id, members: MANY });
    if (!cluster) {
      const box = h("div");
      fill(this.root, h("h1.spoken", null, title), box);
      return this.app.state(box, { symbol: "clusters", title: `There is no cluster ${id}`, text: "Clusters may have been found anew since.", actions: [h("a.secondary", { href: this.app.link("clusters") }, "All clusters")] });
    }
    this.app.title(nameOf(cluster));
    const near = await Promise.all(cluster.nearest.map((one) => this.ask({ id: one.id, members: FEW })));
    const where = `cluster == ${id}`;
    const share = cluster.share !== null && cluster.label ? ` · ${cluster.column}: ${cluster.label}, ${Math.round(cluster.share * 100)} % of them` : "";
    fill(this.root,
      h("div.clusters-page", null,
        h("header.clusters-head", null,
          h("div", null,
            h("a.plain.all", { href: this.app.link("clusters") }, icon("back"), "All clusters"),
            h("h1", null, nameOf(cluster)),
            h("p", null, `${count(cluster.size, "picture")}${share}`),
            cohesion(cluster)),
          h("div.clusters-tools", null,
            h("a.primary", { href: this.app.link("search", { where }) }, icon("search"), "Browse and filter"),
            h("a.secondary", { href: this.app.link("map", { by: "cluster", only: mapName(cluster) }) }, icon("map"), "On the map"))),
        h("h2", null, "Most typical first"),
        h("ol.members", null, cluster.members.map((member, place) => h("li", null,
          h("a", { href: this.app.link("search", { like: member }), "aria-label": place ? `Picture ${member}: what looks like it` : `Picture ${member}, stands for it: what looks like it` },
            small(member, 160), place === 0 && h("span.mark-medoid", null, "stands for it"))))),
        cluster.size > cluster.members.length && h("p.clusters-end", null, `and ${number(cluster.size - cluster.members.length)} more: `, h("a", { href: this.app.link("search", { where }) }, "browse all of them")),
        near.length > 0 && [h("h2", null, "Nearest to it"), h("ol.clusters", null, near.flatMap(({ clusters }) => clusters).map((one) => this.card(one)))]));
    this.list = null;
  }
}

const small = (id, wide) => picture({ id }, wide);

/** "3 · apple", or "Cluster 3" where nothing sets it apart. */
const nameOf = ({ id, label }) => (label ? `${id} · ${label}` : `Cluster ${id}`);

/** What the map calls it. */
const mapName = ({ id, label }) => (label ? `${id} · ${label}` : String(id));

const cohesion = ({ cohesion: value, size }) => (size < 2 ? null : h("span.cohesion", { title: "Mean similarity of two of its pictures" },
  h("meter", { min: 0, max: 1, value: Math.max(value, 0), "aria-label": "Cohesion" }), h("span", null, `${similarity(value)} alike`)));
