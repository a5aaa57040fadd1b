// Which parts of two pictures make them alike: the heat of `heat.js`, asked for and laid over both. Of several pictures
// that were asked with, one chooses which is shown.

import * as api from "./api.js";
import { fill, h, icon } from "./dom.js";
import { heatLegend, layHeat } from "./heat.js";
import { sentence } from "./words.js";

const REASONS = { no_map: "This model cannot tell which parts agree." };

/**
 * A button that lays heat over two pictures and takes it away again.
 * @param {Object} app
 * @param {{question: () => FormData, places: (at: number) => Element[]|Promise<Element[]>, ended?: () => void,
 *   small?: (at: number) => Promise<{element, name}>}} given
 *   question: what to ask of `/v1/explain`; places: the element of a picture asked with, by its number, and that of the
 *   picture found, each exactly as large as its picture; ended: take back the room made for them; small: a picture
 *   asked with, to choose it by.
 * @returns {{button: Element, told: Element, close()}}
 */
export function why(app, { question, places, ended = () => {}, small = null }) {
  const about = h("p.quiet", { "aria-live": "polite" });
  const told = h("div.why", { hidden: true });
  const button = h("button.secondary", { type: "button", "aria-pressed": "false", on: { click: toggled } }, icon("heat"), "Where they agree");
  let explanation = null; // while it is shown
  let heat = null;
  let asking = null;

  function end() {
    heat?.remove();
    heat = explanation = null;
    told.hidden = true;
    button.setAttribute("aria-pressed", "false");
    ended();
  }

  async function toggled() {
    if (explanation) {
      end();
      return;
    }
    asking?.abort();
    asking = new AbortController();
    button.disabled = true;
    try {
      await begin(asking.signal);
    } catch (error) {
      if (error.name !== "AbortError") refuse(error);
    } finally {
      button.disabled = false;
    }
  }

  async function begin(signal) {
    explanation = await api.post("/v1/explain", question(), { signal });
    await lay(0);
    const several = explanation.queries.length > 1;
    fill(told, heatLegend(), about, several && small ? await choice(explanation.queries.length) : null);
    told.hidden = false;
    button.setAttribute("aria-pressed", "true");
  }

  /** Why there is no heat; said where it would have been explained. */
  function refuse(error) {
    explanation = null;
    const text = REASONS[error.code] ?? sentence(`there is no heat to show: ${error.message}`);
    fill(told, h("p.problem", { role: "alert" }, text));
    told.hidden = false;
  }

  async function lay(at) {
    heat?.remove();
    heat = layHeat(explanation, await places(at), (text) => (about.textContent = text), at);
  }

  /** Which of the pictures asked with is shown. */
  async function choice(queries) {
    const images = await Promise.all(Array.from({ length: queries }, (_, at) => small(at)));
    const buttons = images.map(({ element, name }, at) =>
      h("button.small", { type: "button", "aria-pressed": String(at === 0), "aria-label": `Heat of ${name}`, title: name, on: { click: () => choose(at) } }, element),
    );
    async function choose(at) {
      buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(i === at)));
      await lay(at);
    }
    return h("div.which", { role: "group", "aria-label": "Which of the pictures asked with is shown" }, buttons);
  }

  return { button, told, close: () => asking?.abort() };
}

/** An image in a box exactly as large as it is shown. */
export function exactly(image, { width, height }, most = "58vh") {
  return h("div.exact", { style: width && height ? { aspectRatio: `${width} / ${height}`, width: `min(100%, calc(${most} * ${(width / height).toFixed(4)}), ${2 * width}px)` } : {} }, image);
}
