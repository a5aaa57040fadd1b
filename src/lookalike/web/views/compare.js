// Two pictures beside each other: how alike they are, whether one is a copy of the other, and where they agree.
//
// Its address: `a` and `b`, each an indexed picture's number or an upload's name; `model`, `output`, `runtime`.

import * as api from "../api.js";
import { fill, h, icon, s } from "../dom.js";
import { choose, dropping, pictures as usable } from "../picking.js";
import { noPicture, picture as shown, uploaded } from "../pictures.js";
import { exactly, why } from "../why.js";
import { chanceOf, nameOf, percent, similarity } from "../words.js";

export const title = "Compare";

const VERDICTS = {
  "same file": ["The same file", "Both have the same bytes."],
  "same pixels": ["The same pixels", "The files differ; every pixel is the same."],
  "near copy": ["A copy", "The whole picture, encoded again, resized or recoloured."],
  "edited copy": ["An edited copy", "Cropped, mirrored, turned, written on, or part of something larger."],
  alike: ["Alike", "Neither is a copy of the other; of unrelated pictures one pair in a thousand is so much alike."],
  // The number alone does not tell how alike two pictures are: by another model, or of other pictures, it means more or less.
  different: ["No copy", "Neither is a copy of the other. Whether they show the same, a calibrated collection can tell: lookalike calibrate."],
};
const LIKELY = ["Probably the same thing", "Neither is a copy of the other; in this collection most that are so much alike show the same."];
const UNLIKELY = ["Probably not the same thing", "Neither is a copy of the other; in this collection most that are no more alike show something else."];

const isCopy = ({ verdict }) => !["alike", "different"].includes(verdict);

/** What is said of two pictures: of copies what they are; of others what the numbers support. `chance`: that they show
 *  the same, null where that is not known. */
function verdict(told, chance) {
  if (isCopy(told) || chance === null) return VERDICTS[told.verdict] ?? [told.verdict, ""];
  return chance >= 0.5 ? LIKELY : UNLIKELY;
}

export function show(root, params, app) {
  const head = h("header.compare-head", null, h("h1", null, "Compare two pictures"));
  const result = h("section.verdict", { "aria-live": "polite", "aria-label": "How alike they are" });
  const sides = { a: h("figure.one"), b: h("figure.one") };
  const tools = h("div.compare-tools");
  root.append(h("div.compare-page", null, head, result, h("div.pair", null, sides.a, sides.b), tools));
  let asked = null;
  let explained = null;
  let turn = 0;

  const go = (changes) => app.go("compare", { ...asked, ...changes });
  const use = async (files, side) => {
    const names = await Promise.all(files.slice(0, 2).map((file) => app.uploads.add(file)));
    const other = side === "a" ? "b" : "a";
    go(names.length === 2 ? { a: names[0], b: names[1] } : { [side]: names[0], [other]: asked[other] });
  };
  const pick = async (side) => {
    const files = usable(await choose({ several: true }), app);
    if (files.length) await use(files, side);
  };
  const endDropping = dropping(app, () => (asked.a ? [{ name: "b", text: "The second picture", icon: "compare" }, { name: "a", text: "The first picture", icon: "compare" }] : [{ name: "a", text: "Compare this", icon: "compare" }]), use);

  /** {name, width, height, element} of one side; undefined when there is none. */
  async function found(name) {
    if (!name) return undefined;
    if (!app.uploads.isUpload(name)) {
      const picture = await api.get(`/v1/pictures/${encodeURIComponent(name)}`);
      return { ...picture, name: nameOf(picture), href: app.link("search", { like: picture.id }), element: shown(picture, 620, { lazy: false, alt: nameOf(picture) }) };
    }
    const upload = app.uploads.get(name);
    if (!upload) return { lost: true, name: "A picture of yours", element: noPicture("It was only in the window in which it was chosen. Choose it again.") };
    const element = uploaded(upload, upload.title);
    await element.decode().catch(() => {});
    return { name: upload.title, width: element.naturalWidth, height: element.naturalHeight, element };
  }

  function form(first, second) {
    const made = new FormData();
    for (const [file, number, name] of [[...first, asked.a], [...second, asked.b]]) {
      const upload = app.uploads.get(name);
      if (upload) made.append(file, upload.file, upload.title);
      else made.append(number, name);
    }
    for (const name of ["model", "output", "runtime"]) if (asked[name]) made.append(name, asked[name]);
    return made;
  }

  function drawSide(side, picture) {
    const change = h("button.plain", { type: "button", on: { click: () => pick(side) } }, icon("upload"), picture ? "Another" : "Choose a picture");
    if (!picture) {
      fill(sides[side], h("div.slot", null, icon("picture"), h("p", null, side === "a" ? "The first picture" : "The second picture"), h("button.primary", { type: "button", on: { click: () => pick(side) } }, icon("upload"), "Choose a picture")));
      return;
    }
    fill(
      sides[side],
      h("div.place", null, exactly(picture.element, picture, "56dvh")),
      h("figcaption", null, h("span.name", { title: picture.path ?? picture.name }, picture.name), picture.width ? h("span.quiet", null, `${picture.width} × ${picture.height}`) : null, h("span.grow"), picture.href ? h("a.plain", { href: picture.href }, icon("search"), "More like it") : null, change),
    );
  }

  async function update(next) {
    const mine = ++turn;
    asked = Object.fromEntries(["a", "b", "model", "output", "runtime"].map((name) => [name, next.get(name) ?? ""]));
    explained?.close();
    explained = null;
    fill(tools);
    fill(result);
    const pair = await Promise.all([found(asked.a), found(asked.b)]);
    if (mine !== turn) return;
    drawSide("a", pair[0]);
    drawSide("b", pair[1]);
    if (!pair.every((one) => one && !one.lost)) {
      fill(result, h("p.quiet", null, "Choose two pictures, or drop them here: how alike they are, and whether one is a copy of the other."));
      return;
    }
    app.title(`${pair[0].name} and ${pair[1].name}`);
    result.setAttribute("aria-busy", "true");
    try {
      const { a, b, ...model } = asked;
      const [told, { calibration }] = await Promise.all([
        api.post("/v1/compare", form(["first", "first_id"], ["second", "second_id"])),
        api.get("/v1/calibration", model),
      ]);
      if (mine === turn) drawResult(told, pair, chanceOf(told.similarity, calibration));
    } catch (error) {
      if (mine !== turn) return;
      if (error.code === "picture") app.state(result, { symbol: "gone", title: "One of these pictures cannot be used", text: error.message });
      else app.failed(result, error, () => update(next));
    } finally {
      result.removeAttribute("aria-busy");
    }
  }

  function drawResult(told, pair, chance) {
    const [words, meaning] = verdict(told, chance);
    const facts = [
      ["similarity", similarity(told.similarity), "cosine of the two vectors, from -1 to 1"],
      chance === null || isCopy(told) ? null : ["the same thing", percent(chance), "how likely that is, by the collection's calibration"],
      told.probability === null ? null : ["one a copy of the other", percent(told.probability), "how likely that is"],
      told.overlap === null ? null : ["of the first seen in the second", percent(told.overlap), "overlap"],
    ].filter(Boolean);
    fill(
      result,
      h("div.verdict-words", null, h("p.verdict-name", { "data-verdict": told.verdict }, words), h("p.quiet", null, meaning)),
      h("dl.scores", null, facts.map(([name, value, hint]) => h("div", { title: hint }, h("dt", null, name), h("dd", null, value)))),
    );
    app.announce(`${words}. Similarity ${similarity(told.similarity)}.`);
    explained = why(app, { question: () => form(["picture", "id"], ["found", "found_id"]), places: () => ["a", "b"].map((side) => sides[side].querySelector(".exact")) });
    const outline = told.transform ? drawOutline(told.transform, pair) : null;
    fill(
      tools,
      h(
        "div.actions",
        null,
        explained.button,
        outline ? h("button.secondary", { type: "button", "aria-pressed": "true", on: { click: (event) => event.currentTarget.setAttribute("aria-pressed", String(!outline.toggleAttribute("hidden"))) } }, icon("region"), "Where the first one lies") : null,
        h("button.plain", { type: "button", on: { click: () => go({ a: asked.b, b: asked.a }) } }, icon("flip"), "Swap"),
      ),
      explained.told,
    );
  }

  /** Where the first picture lies in the second one. */
  function drawOutline(transform, [first, second]) {
    if (!first.width || !second.width) return null;
    const [[a, b, x], [c, d, y]] = transform;
    const corners = [[0, 0], [first.width, 0], [first.width, first.height], [0, first.height]];
    const points = corners.map(([u, v]) => [a * u + b * v + x, c * u + d * v + y]);
    const line = { points: points.map((point) => point.join(",")).join(" "), "vector-effect": "non-scaling-stroke" };
    const drawn = s("svg", { class: "outline", viewBox: `0 0 ${second.width} ${second.height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, s("polygon", { ...line, class: "under" }), s("polygon", line));
    sides.b.querySelector(".exact").append(drawn);
    return drawn;
  }

  const done = { update, close: () => (explained?.close(), endDropping(), (turn += 1)) };
  return update(params).then(() => done);
}
