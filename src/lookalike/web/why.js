// Which parts of two pictures make them alike: the heat of `heat.js`, asked for and laid over both.

import * as api from "./api.js";
import { fill, h, icon } from "./dom.js";
import { heatLegend, layHeat } from "./heat.js";

/**
 * A button that lays heat over two pictures and takes it away again.
 * @param {Object} app
 * @param {{question: () => Promise<FormData>|FormData, places: () => Element[], begun?: () => void, ended?: () => void}} given
 *   question: what to ask of `/v1/explain`; places: the query's element and the found picture's, each exactly as large
 *   as its picture; begun and ended: make room for them, and take it back.
 * @returns {{button: Element, told: Element, close()}}
 */
export function why(app, { question, places, begun = () => {}, ended = () => {} }) {
  const sentence = h("p.quiet", { "aria-live": "polite" });
  const told = h("div.why", { hidden: true });
  const button = h("button.secondary", { type: "button", "aria-pressed": "false", on: { click: toggled } }, icon("heat"), "Where they agree");
  let heat = null;
  let asking = null;

  function end() {
    heat?.remove();
    heat = null;
    told.hidden = true;
    button.setAttribute("aria-pressed", "false");
    ended();
  }

  async function toggled() {
    if (heat) {
      end();
      return;
    }
    asking?.abort();
    asking = new AbortController();
    button.disabled = true;
    try {
      const explanation = await api.post("/v1/explain", await question(), { signal: asking.signal });
      begun();
      heat = layHeat(explanation, places(), (text) => (sentence.textContent = text));
      fill(told, heatLegend(), sentence);
      told.hidden = false;
      button.setAttribute("aria-pressed", "true");
    } catch (error) {
      if (error.name === "AbortError") return;
      app.notify(error.code === "no_map" ? "This model cannot tell which parts agree." : error.message);
    } finally {
      button.disabled = false;
    }
  }

  return { button, told, close: () => asking?.abort() };
}

/** An image in a box exactly as large as it is shown. */
export function exactly(image, { width, height }, most = "58vh") {
  return h("div.exact", { style: width && height ? { aspectRatio: `${width} / ${height}`, width: `min(100%, calc(${most} * ${(width / height).toFixed(4)}), ${2 * width}px)` } : {} }, image);
}
