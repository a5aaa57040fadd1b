// Search and browse: what is asked on the left, what was found on the right. Without a picture to ask with, the whole
// collection, page by page.
//
// Its address: `like` (an indexed picture's number or an upload's name), `also` and `against` (such, repeated),
// `region` (x,y,width,height in shares), `where`, `threshold`, `model`, `output`, `runtime`, `show` (the picture whose
// details are open) and `trail` (what was asked before, oldest first).

import * as api from "../api.js";
import { copies } from "../copies.js";
import { details } from "../details.js";
import { fill, h, icon } from "../dom.js";
import { facets } from "../facets.js";
import { grid } from "../grid.js";
import { choose, dropping, pictures as usable, take } from "../picking.js";
import { noPicture, picture as shown, uploaded } from "../pictures.js";
import { region } from "../region.js";
import { count, nameOf, percent, shown as inWords, similarity } from "../words.js";

export const title = "Search";

const FIRST = 60; // results asked for at first, and three times as many each time one comes near the end
const PAGE = 200; // pictures of the collection at a time
const LONGEST_TRAIL = 12;
const KEPT = 12;

const kept = new Map(); // what was found lately, so that Back is at once where one was
const known = new Map(); // pictures by number, as far as they were seen

let place = "";

function read(params) {
  const text = (name) => params.get(name) ?? "";
  const region = text("region").split(",").map(Number);
  return {
    like: text("like"),
    also: params.getAll("also"),
    against: params.getAll("against"),
    region: region.length === 4 && region.every((share) => share >= 0 && share <= 1) ? region : null,
    where: text("where"),
    threshold: params.has("threshold") ? Number(text("threshold")) : null,
    model: text("model"),
    output: text("output"),
    runtime: text("runtime"),
    show: Number(text("show")) || null,
    trail: text("trail").split(" ").filter(Boolean),
  };
}

function written(asked) {
  return { ...asked, region: asked.region?.join(","), threshold: asked.threshold, trail: asked.trail.slice(-LONGEST_TRAIL).join(" ") };
}

export function show(root, params, app) {
  if (app.link("search") !== place) {
    known.clear(); // numbers are of one collection
    place = app.link("search");
  }
  let asked = read(params);
  let items = null; // what is in the grid
  let total = null; // pictures that the filter leaves
  let searching = null;
  let curve = null;
  let drawnQuery = null;
  let drawnFound = null;
  let drawnTrail = null;

  const here = (changes) => written({ ...asked, ...changes });
  const go = (changes, options) => app.go("search", here({ show: null, ...changes }), options);
  const linkTo = (changes) => app.link("search", here({ show: null, ...changes }));

  // --- parts of the page -------------------------------------------------------------------------

  const hero = h("section.hero");
  const query = h("section.query", { "aria-label": "What is asked" });
  const filters = facets({ app, changed: (where) => go({ where }), counted: (pictures) => ((total = pictures), drawCount()) });
  const filterBox = h("details.filter-box", { open: matchMedia("(min-width: 901px)").matches }, h("summary", null, icon("filter"), "Filters"), filters.element);
  const trail = h("nav.trail", { "aria-label": "Where you came from" });
  const heading = h("h1.heading", { tabindex: -1 });
  const number = h("p.quiet.count");
  const found = grid({ tile, shot: (picture, width) => shown(picture, width), label: "Pictures", key: keyed });
  const results = h("div.results", null, found.element);
  const panel = details(app);

  root.append(
    hero,
    h("div.search", null, h("aside.side", { "aria-label": "Query and filters" }, query, filterBox), h("div.found", null, trail, h("div.found-head", null, heading, number), filters.chips, results)),
  );

  // --- asking with pictures ----------------------------------------------------------------------

  /** The way back, with what is asked now at its end. */
  const onwards = () => (asked.like && asked.trail.at(-1) !== asked.like ? [...asked.trail, asked.like] : asked.trail);

  async function use(files, as = "like") {
    const names = await Promise.all(files.map((file) => app.uploads.add(file)));
    ask(names, as);
  }

  function ask(names, as) {
    const [first, ...others] = names;
    if (as === "against" && asked.like) go({ against: [...new Set([...asked.against, ...names])] });
    else if (as === "also" && asked.like) go({ also: [...new Set([...asked.also, ...names])].filter((name) => name !== asked.like) });
    else {
      const before = first === asked.like ? asked.trail : onwards();
      if (!go({ like: first, also: others, against: [], region: null, trail: before })) {
        // The address was there before the picture was.
        drawnFound = drawnQuery = null;
        follow().catch((error) => app.fail(root, error));
      }
      if (others.length) app.notify(`Looking for what is like all ${names.length} pictures.`);
    }
  }

  const pick = async (as) => {
    const files = usable(await choose({ several: true }), app);
    if (files.length) await use(files, as);
  };
  const photograph = async () => {
    const files = await take(app);
    if (files.length) await use(files);
  };

  const ways = () => [
    h("button.primary", { type: "button", "data-do": "pick", on: { click: () => pick("like") } }, icon("upload"), "Choose pictures"),
    h("button.secondary", { type: "button", "data-do": "camera", on: { click: photograph } }, icon("camera"), "Use the camera"),
  ];

  const endDropping = dropping(
    app,
    () =>
      asked.like
        ? [
            { name: "like", text: "Search with this", icon: "search" },
            { name: "also", text: "Also like this", icon: "plus" },
            { name: "against", text: "Less like this", icon: "minus" },
          ]
        : [{ name: "like", text: "Search with this", icon: "search" }],
    use,
  );

  // --- the hero, without a query -----------------------------------------------------------------

  function drawHero() {
    hero.hidden = Boolean(asked.like);
    if (hero.hidden || hero.childElementCount) return;
    fill(
      hero,
      h("div.hero-text", null, h("h1", null, "What looks like this?"), h("p", null, "Drop a picture anywhere on this page, paste one, or choose it here. It is sent to this server only, and not kept.")),
      h("div.actions", null, ways()),
    );
  }

  // --- what is asked -----------------------------------------------------------------------------

  async function drawQuery() {
    const keyWith = (part) => JSON.stringify([asked.like, asked.also, asked.against, part, asked.model, asked.output, asked.runtime]);
    const key = keyWith(asked.region);
    syncThreshold();
    if (drawnQuery === key) return;
    drawnQuery = key;
    query.hidden = !asked.like;
    if (!asked.like) {
      fill(query);
      return;
    }
    const image = await imageOf(asked.like, 300);
    const models = await modelsThere();
    curve = (await api.get("/v1/calibration", chosenModel())).calibration;
    const forAndAgainst = await sides();
    if (drawnQuery !== key) return;
    const canDraw = image.element.tagName === "IMG";
    const upload = app.uploads.get(asked.like);
    const same = upload ? copies(app, { text: "Is it here?", name: asked.like, form: () => formOf(upload) }) : null;
    const cut = (value) => {
      if (String(value) === String(asked.region)) return;
      drawnQuery = keyWith(value); // it is drawn already
      go({ region: value });
    };
    const drawn = canDraw ? region({ image: image.element, value: asked.region, changed: cut }) : null;
    fill(
      query,
      h(
        "div.asked",
        null,
        drawn ? drawn.element : h("div.region", null, image.element),
        h(
          "div.asked-text",
          null,
          h("p.asked-name", { title: image.name }, image.name),
          h("div.asked-actions", null, drawn?.controls, image.id ? h("button.plain", { type: "button", on: { click: () => app.go("search", here({ show: image.id })) } }, icon("info"), "Details") : null, h("button.plain", { type: "button", on: { click: () => pick("like") } }, icon("upload"), "Another picture"), same?.button),
        ),
      ),
      same?.told,
      forAndAgainst,
      threshold(),
      models,
    );
  }

  function formOf({ file, title: called }) {
    const form = new FormData();
    form.append("picture", file, called);
    return form;
  }

  const chosenModel = () => ({ model: asked.model, output: asked.output, runtime: asked.runtime });

  /** The picture that a name in the address stands for: {element, name, id}. */
  async function imageOf(name, width) {
    if (app.uploads.isUpload(name)) {
      const upload = app.uploads.get(name);
      return upload ? { element: uploaded(upload, upload.title), name: upload.title } : { element: noPicture("not in this window"), name: "A picture of yours" };
    }
    const picture = await pictureOf(Number(name));
    return picture ? { element: shown(picture, width, { lazy: false, alt: nameOf(picture) }), name: nameOf(picture), id: picture.id } : { element: noPicture("not in the collection"), name: `#${name}` };
  }

  async function pictureOf(id) {
    if (!known.has(id)) {
      try {
        known.set(id, await api.get(`/v1/pictures/${id}`));
      } catch (error) {
        if (error.status !== 404 && error.status !== 422) throw error;
        known.set(id, null);
      }
    }
    return known.get(id);
  }

  async function sides() {
    const entries = [...asked.also.map((name) => [name, "also"]), ...asked.against.map((name) => [name, "against"])];
    const drawn = await Promise.all(
      entries.map(async ([name, side]) => {
        const image = await imageOf(name, 64);
        const words = side === "also" ? "Also like" : "Less like";
        const remove = () => go({ [side]: asked[side].filter((one) => one !== name) });
        return h("li", { class: side }, h("span.small", null, image.element), h("span.sign", { "aria-hidden": "true" }, icon(side === "also" ? "plus" : "minus")), h("button.round", { type: "button", "aria-label": `${words} ${image.name}: remove`, on: { click: remove } }, icon("close")));
      }),
    );
    return h(
      "div.sides",
      null,
      drawn.length ? h("ul", { "aria-label": "Pictures for and against" }, drawn) : null,
      h("div.asked-actions", null, h("button.plain", { type: "button", "data-do": "also", on: { click: () => pick("also") } }, icon("plus"), "Also like …"), h("button.plain", { type: "button", "data-do": "against", on: { click: () => pick("against") } }, icon("minus"), "Less like …")),
    );
  }

  let syncThreshold = () => {};

  function threshold() {
    const output = h("output", { for: "threshold" });
    const slider = h("input", {
      type: "range",
      id: "threshold",
      min: 0,
      max: 1,
      step: 0.01,
      value: asked.threshold ?? 0,
      on: { input: say, change: () => go({ threshold: Number(slider.value) || null }) },
    });
    const single = asked.also.length + asked.against.length === 0;
    function say() {
      const value = Number(slider.value);
      const chance = curve && single && value ? `, ${percent(1 / (1 + Math.exp(-(curve.slope * value + curve.intercept))))} the same` : "";
      output.textContent = value ? `${value.toFixed(2)}${chance}` : "any";
      slider.setAttribute("aria-valuetext", output.textContent);
    }
    say();
    syncThreshold = () => {
      slider.value = asked.threshold ?? 0;
      say();
    };
    return h("div.threshold", null, h("div.threshold-head", null, h("label", { for: "threshold" }, "At least this alike"), output), slider);
  }

  let models = null;

  async function modelsThere() {
    models ??= (await api.get("/v1/info")).models;
    if (models.length < 2) return null;
    const names = models.map(({ model, output, runtime }) => [model, output, runtime]);
    const alike = (name) => names.filter(([model]) => model === name).length > 1;
    const now = names.findIndex(([model, output, runtime]) => model === asked.model && [output, ""].includes(asked.output) && [runtime, ""].includes(asked.runtime));
    return h(
      "label.model",
      null,
      h("span", null, "Model"),
      h(
        "select",
        {
          on: {
            change: (event) => {
              const [model, output, runtime] = names[Number(event.target.value)];
              go({ model, output: alike(model) ? output : "", runtime: alike(model) ? runtime : "" });
            },
          },
        },
        names.map(([model, output, runtime], at) => h("option", { value: at, selected: at === Math.max(0, now) }, alike(model) ? `${model.split("/").pop()}, ${output}, ${runtime}` : model.split("/").pop())),
      ),
    );
  }

  // --- the way here ------------------------------------------------------------------------------

  async function drawTrail() {
    const names = asked.trail.slice(-LONGEST_TRAIL);
    drawnTrail = names;
    trail.hidden = !names.length;
    const drawn = await Promise.all(
      names.map(async (name, at) => {
        const image = await imageOf(name, 44);
        const href = linkTo({ like: name, trail: asked.trail.slice(0, asked.trail.length - names.length + at), also: [], against: [], region: null });
        return h("li", null, h("a", { href, title: image.name, "aria-label": `Back to ${image.name}` }, image.element), icon("next"));
      }),
    );
    const now = asked.like ? await imageOf(asked.like, 44) : null;
    if (names !== drawnTrail) return;
    fill(
      trail,
      h("a.all", { href: linkTo({ like: "", also: [], against: [], region: null, threshold: null, trail: [] }) }, "All pictures"),
      icon("next"),
      h("ol", null, drawn, now ? h("li", { "aria-current": "true" }, h("span", { title: now.name }, now.element)) : null),
    );
  }

  // --- what was found ----------------------------------------------------------------------------

  const keyOf = () => JSON.stringify([app.link("search"), written({ ...asked, show: null, trail: [] })]);

  async function drawFound() {
    const key = keyOf();
    if (drawnFound === key) return;
    drawnFound = key;
    searching?.abort();
    searching = new AbortController();
    const { signal } = searching;
    drawHeading();
    if (kept.has(key)) {
      put(kept.get(key));
      return;
    }
    results.setAttribute("aria-busy", "true");
    if (!items) app.state(waiting(), { title: "Looking …", busy: true });
    try {
      const first = asked.like ? await search(FIRST, signal) : await page(0, signal);
      if (drawnFound !== key) return;
      keep(key, first);
      put(first);
      tell(first);
    } catch (error) {
      if (error.name === "AbortError" || drawnFound !== key) return;
      refused(error);
    } finally {
      if (drawnFound === key) results.removeAttribute("aria-busy");
    }
  }

  function keep(key, what) {
    kept.set(key, what);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }

  /** Where a state stands in place of the pictures. */
  function waiting() {
    found.set([]);
    found.element.hidden = true;
    results.querySelector(".instead")?.remove();
    const instead = h("div.instead");
    results.append(instead);
    return instead;
  }

  function put(what) {
    items = what.items;
    results.querySelector(".instead")?.remove();
    found.element.hidden = !items.length;
    const key = drawnFound;
    const more = async () => {
      const next = await what.more();
      if (drawnFound === key) {
        items = what.items;
        drawCount();
      }
      return next;
    };
    found.set(items, what.more ? more : null);
    if (!items.length) nothing();
    drawCount();
    app.scrollTo();
    // What had the focus, such as the picture that was clicked, is not there any more.
    if (asked.like && document.activeElement === document.body) heading.focus({ preventScroll: true });
    if (asked.show) openDetails();
  }

  /** Results of the search, as {items, more}. */
  async function search(k, signal) {
    const what = { items: [], more: null };
    let asks = k;
    const form = await question();
    async function fetched(limit, stop) {
      form.set("k", limit);
      const { results: hits } = await api.post("/v1/search", form, { signal: stop });
      for (const hit of hits) if (!known.has(hit.id)) known.set(hit.id, hit);
      return hits;
    }
    what.items = await fetched(Math.min(asks, app.session.max_k), signal);
    what.more = async () => {
      if (what.items.length < asks || asks >= app.session.max_k) return [];
      asks = Math.min(asks * 3, app.session.max_k);
      const all = await fetched(asks);
      const next = all.slice(what.items.length);
      what.items = all;
      return next;
    };
    return what;
  }

  async function question() {
    const form = new FormData();
    const add = (name, file, numbered) => {
      if (!app.uploads.isUpload(name)) return form.append(numbered, name);
      const upload = app.uploads.get(name);
      if (!upload) throw Object.assign(new Error("gone"), { code: "upload_gone" });
      return form.append(file, upload.file, upload.title);
    };
    add(asked.like, "picture", "id");
    for (const name of asked.also) add(name, "also", "also_id");
    for (const name of asked.against) add(name, "against", "against_id");
    const fields = { where: asked.where, threshold: asked.threshold, region: asked.region?.join(","), ...chosenModel() };
    for (const [name, value] of Object.entries(fields)) if (value || value === 0) form.append(name, value);
    return form;
  }

  /** Pictures of the collection, as {items, more}. */
  async function page(after, signal) {
    const what = { items: [], more: null };
    let next = after;
    const where = asked.where;
    async function fetched(stop) {
      const answer = await api.get("/v1/pictures", { limit: PAGE, after: next, where }, { signal: stop });
      next = answer.next;
      for (const picture of answer.pictures) known.set(picture.id, picture);
      return answer.pictures;
    }
    what.items = await fetched(signal);
    what.more = async () => {
      if (next === null) return [];
      const more = await fetched();
      what.items = what.items.concat(more);
      return more;
    };
    return what;
  }

  function refused(error) {
    const box = waiting();
    const clear = h("button.secondary", { type: "button", on: { click: () => go({ where: "" }) } }, "Without the filter");
    items = [];
    drawCount();
    if (error.code === "upload_gone") {
      app.state(box, { title: "This picture was only in your window", text: "A picture you choose is neither kept on the server nor part of the address, so it is gone when the page is loaded anew or opened elsewhere. Choose it again, and the rest is as it was.", actions: ways() });
    } else if (error.code === "picture") {
      app.state(box, { symbol: "gone", title: "This picture cannot be used", text: `${error.message[0].toUpperCase()}${error.message.slice(1)}.`, actions: ways() });
    } else if (error.code === "filter" || (error.code === "usage" && asked.where)) {
      app.state(box, { symbol: "filter", title: "This filter cannot be understood", text: h("code.message", null, error.message), actions: [clear] });
    } else if (error.code === "not_in_collection") {
      app.state(box, { symbol: "gone", title: "This picture is not in the collection any more", text: "It was removed, or the address is of another collection.", actions: [h("a.primary", { href: app.link("search") }, "All pictures")] });
    } else {
      app.failed(box, error, () => ((drawnFound = null), drawFound()));
    }
  }

  function nothing() {
    const box = waiting();
    if (asked.where) {
      app.state(box, { symbol: "filter", title: "No picture matches", text: asked.like && asked.threshold ? "None that the filter lets through is so much alike." : "There is none that the filter lets through.", actions: [h("button.primary", { type: "button", on: { click: () => go({ where: "" }) } }, "Without the filter"), asked.threshold ? h("button.secondary", { type: "button", on: { click: () => go({ threshold: null }) } }, "However much alike") : null].filter(Boolean) });
    } else if (asked.threshold) {
      app.state(box, { symbol: "search", title: "Nothing is so much alike", text: `No picture has a similarity of ${asked.threshold.toFixed(2)} or more.`, actions: [h("button.primary", { type: "button", on: { click: () => go({ threshold: null }) } }, "However much alike")] });
    } else if (asked.like) {
      app.state(box, { symbol: "search", title: "There is nothing else in this collection", text: "Add pictures to find what looks alike." });
    } else {
      app.state(box, { title: "There are no pictures here yet", text: h("span", null, "Add some on the command line: ", h("code", null, "lookalike index FOLDER"), ".") });
    }
  }

  function drawHeading() {
    heading.hidden = !asked.like;
    root.classList.toggle("asking", Boolean(asked.like));
    heading.textContent = asked.also.length ? "What looks like these" : "What looks like this";
    if (!asked.like) app.title(asked.where ? `${asked.where} – all pictures` : "Search");
    else imageOf(asked.like, 44).then(({ name }) => app.title(`Like ${name}`));
  }

  function drawCount() {
    if (!items) return;
    const among = total === null ? "" : count(total, "picture");
    if (!asked.like) number.textContent = total === null ? "" : asked.where ? `${among} of the collection` : among;
    else if (!items.length) number.textContent = "";
    else if (asked.threshold) number.textContent = `${count(items.length, "picture")}${items.length === FIRST ? " or more" : ""} at least ${asked.threshold.toFixed(2)} alike`;
    else number.textContent = `most alike first${among ? `, among ${among}` : ""}`;
  }

  function tell({ items: found_ }) {
    if (!asked.like || !found_.length) return;
    const [first] = found_;
    app.announce(`${count(found_.length, "picture")}. Most alike: ${nameOf(first)}, similarity ${similarity(first.similarity)}.`);
  }

  // --- one picture -------------------------------------------------------------------------------

  function tile(picture) {
    const name = nameOf(picture);
    const isHit = picture.similarity !== undefined;
    const chance = picture.probability ?? null;
    const spoken = `${name}${isHit ? `, similarity ${similarity(picture.similarity)}` : ""}${chance === null ? "" : `, ${percent(chance)} the same`}`;
    const act = (as, text, symbol) => h("button.round", { type: "button", "aria-label": `${text}: ${name}`, title: text, on: { click: () => act_(as, picture) } }, icon(symbol));
    return {
      href: linkTo({ like: picture.id, also: [], against: [], region: null, trail: onwards() }),
      label: `What looks like ${spoken}`,
      content: [
        isHit ? h("span.bar", { "aria-hidden": "true" }, h("i", { style: { width: `${Math.max(0, picture.similarity) * 100}%` } })) : null,
        h("span.line", null, h("span.name", { title: name }, name)),
        h("span.line.quiet", null, isHit ? h("span.score", { title: "similarity" }, similarity(picture.similarity)) : null, facts(picture), chance === null ? null : h("span.chance", { title: "how likely it is the same thing" }, percent(chance))),
      ],
      actions: [act("details", "Details", "info"), asked.like ? act("also", "Also like this", "plus") : null, asked.like ? act("against", "Less like this", "minus") : null],
    };
  }

  /** A few words of what is known, such as fit below a picture: numbers and yes or no before text. */
  function facts({ metadata }) {
    const rank = { number: 0, boolean: 1, string: 2 };
    const worth = Object.entries(metadata).filter(([name, value]) => value !== null && !["name", "title"].includes(name) && String(value).length <= 24 && value !== metadata.name);
    worth.sort(([, a], [, b]) => rank[typeof a] - rank[typeof b]);
    const words = worth.slice(0, 3).map(([name, value]) => {
      const label = name.replaceAll("_", " ");
      if (typeof value !== "boolean") return h("span", { title: label }, inWords(value));
      return h("span", { class: value ? "yes" : "no" }, value ? label : `not ${label}`);
    });
    return h("span.facts-line", null, words);
  }

  function act_(as, picture) {
    if (as === "details") app.go("search", here({ show: picture.id }));
    else if (as === "like") ask([String(picture.id)], "like");
    else ask([String(picture.id)], asked.like ? as : "like");
  }

  function keyed(picture, event) {
    const as = { i: "details", " ": "details", "+": "also", "-": "against" }[event.key];
    if (!as || event.target.closest("button")) return;
    event.preventDefault();
    act_(as, picture);
  }

  // --- its details -------------------------------------------------------------------------------

  function openDetails() {
    const id = asked.show;
    if (!id) {
      panel.close();
      return;
    }
    const at = items?.findIndex((one) => one.id === id) ?? -1;
    panel.show(id, {
      hit: at >= 0 && items[at].similarity !== undefined ? items[at] : null,
      query: asked.like,
      question: async () => {
        const form = await question();
        for (const name of ["k", "where", "threshold"]) form.delete(name);
        return form;
      },
      image: async () => {
        const image = await imageOf(asked.like, 300);
        await image.element.decode?.().catch(() => {});
        return { ...image, width: image.element.naturalWidth, height: image.element.naturalHeight };
      },
      closed: () => {
        app.go("search", here({ show: null }), { back: true });
        found.focus(id);
      },
      step: (by) => {
        const to = items?.[(items.findIndex((one) => one.id === asked.show) + by + items.length) % items.length];
        if (to) app.go("search", here({ show: to.id }), { replace: true });
      },
      use: (as, picture) => {
        panel.close();
        act_(as, picture);
      },
    });
  }

  // --- following the address ---------------------------------------------------------------------

  async function follow() {
    drawHero();
    const parts = [drawFound(), drawQuery(), drawTrail(), filters.update(asked.where)];
    if (items) openDetails();
    await Promise.all(parts);
  }

  async function update(next) {
    const before = asked;
    asked = read(next);
    const { show: a, trail: b, ...now } = asked;
    const { show: c, trail: d, ...then } = before;
    if (JSON.stringify(now) === JSON.stringify(then) && String(b) === String(d)) {
      openDetails();
      return;
    }
    if (asked.where === before.where) {
      drawHero();
      const parts = [drawFound(), drawQuery(), drawTrail()];
      openDetails();
      await Promise.all(parts);
    } else await follow();
  }

  follow().catch((error) => app.fail(root, error));

  return {
    update,
    close() {
      searching?.abort();
      endDropping();
      filters.close();
      found.close();
      panel.remove();
    },
  };
}
