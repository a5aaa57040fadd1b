// A range of the numbers of a column, with where they lie: two sliders for a first idea, two fields for the exact ends.

import { decimalsOf, inWords } from "./columns.js";
import { h } from "./dom.js";

const STEPS = 100; // of the sliders
const LEAST_HIGH = 8; // percent of a bar's height that is seen

/** The control; see `controls.js` for what it is given. */
export function range({ facet, whole, title, now, choose }) {
  const name = facet.column;
  const { least, greatest } = facet.bins.length ? facet : whole; // one number left is no range
  const scale = new Scale(least, greatest, facet.values);
  const decimals = decimalsOf(whole) ?? 0;
  const ends = [now.least ?? least, now.most ?? greatest];
  const input = (i, key, props) =>
    h("input", { "aria-label": `${title} ${["from", "to"][i]}`, "data-key": `${name} ${["from", "to"][i]}${key}`, ...props });
  const sliders = [0, 1].map((i) =>
    input(i, " slider", { type: "range", min: 0, max: STEPS, value: scale.stepOf(ends[i]), "aria-valuetext": inWords(whole, ends[i]), on: { input: slid, change: settled } }),
  );
  const boxes = [0, 1].map((i) => input(i, "", { type: "number", step: "any", value: written(ends[i], decimals), on: { change: boxed } }));
  const bars = barsOf(facet.bins);
  mark();

  function positions() {
    return sliders.map((slider) => Number(slider.value)).sort((a, b) => a - b);
  }
  function mark() {
    const [from, to] = positions();
    bars.forEach((bar, i) => bar.classList.toggle("in", ((i + 1) / bars.length) * STEPS > from && (i / bars.length) * STEPS < to));
  }
  function slid() {
    positions().forEach((step, i) => {
      boxes[i].value = written(scale.at(step), decimals);
      sliders[i].setAttribute("aria-valuetext", boxes[i].value);
    });
    mark();
  }
  function settled() {
    const [from, to] = positions();
    choose({ least: from > 0 ? scale.at(from) : undefined, most: to < STEPS ? scale.at(to) : undefined });
  }
  function boxed() {
    const [from, to] = boxes.map((box) => (box.value === "" ? NaN : Number(box.value)));
    choose({ least: from > least ? from : undefined, most: to < greatest ? to : undefined });
  }
  return h(
    "div.range",
    null,
    h("div.bins", { "aria-hidden": "true" }, bars),
    h("div.sliders", null, sliders),
    h("div.ends", null, boxes[0], h("span.quiet", null, "to"), boxes[1]),
  );
}

/** Between the steps of a slider and the numbers of a column. */
class Scale {
  constructor(least, greatest, values) {
    Object.assign(this, { least, greatest, span: greatest - least });
    this.isWhole = [least, greatest, ...values.map(({ value }) => value)].every(Number.isInteger);
  }

  stepOf(value) {
    return Math.round(((value - this.least) / (this.span || 1)) * STEPS);
  }

  /** The number at a step: the ends as they are, between them no more digits than tell steps apart. */
  at(step) {
    if (step === 0) return this.least;
    if (step === STEPS) return this.greatest;
    const value = this.least + (this.span * step) / STEPS;
    if (this.isWhole) return Math.round(value);
    const digits = Math.max(0, 3 - Math.ceil(Math.log10(this.span || 1)));
    return Number(value.toFixed(Math.min(10, digits)));
  }
}

function barsOf(bins) {
  const most = Math.max(1, ...bins);
  return bins.map((n) => h("i", { style: { height: n ? `${Math.max(LEAST_HIGH, (100 * n) / most)}%` : "0" } }));
}

/** A number for a field, with so many decimals at least. */
function written(value, decimals) {
  const text = String(Number(value.toPrecision(6)));
  const [, after = ""] = text.split(".");
  return decimals > after.length && !text.includes("e") ? value.toFixed(decimals) : text;
}
