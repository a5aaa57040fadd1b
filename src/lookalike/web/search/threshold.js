// How alike a result has to be at least, and how likely it is the same thing then.

import { h } from "../dom.js";
import { chanceOf, percent, similarity } from "../words.js";
import { isSingle } from "./address.js";

/**
 * The slider.
 * @param {(threshold: number|null) => void} changed
 * @returns {{element, show(asked), curve(calibration)}} curve: from similarities to probabilities; null for none.
 */
export function threshold(changed) {
  const output = h("output", { for: "threshold" });
  const slider = h("input", { type: "range", id: "threshold", min: 0, max: 1, step: 0.01, value: 0, on: { input: say, change: () => changed(Number(slider.value) || null) } });
  const element = h("div.threshold", null, h("div.threshold-head", null, h("label", { for: "threshold" }, "At least this alike"), output), slider);
  let calibration = null;
  let single = true;

  function say() {
    const value = Number(slider.value);
    output.textContent = value ? `${similarity(value)}${chance(value)}` : "any";
    slider.setAttribute("aria-valuetext", output.textContent);
  }

  function chance(value) {
    return calibration && single ? `, ${percent(chanceOf(value, calibration))} the same` : "";
  }

  return {
    element,
    show(asked) {
      slider.value = asked.threshold ?? 0;
      single = isSingle(asked);
      say();
    },
    curve(found) {
      calibration = found;
      say();
    },
  };
}
