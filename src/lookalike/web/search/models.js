// By which model pictures are alike, where there are several.

import { h } from "../dom.js";

const short = (model) => model.split("/").pop();

/**
 * The choice; null where there is none.
 * @param {Object[]} models as `/v1/info` tells of them.
 * @param {Object} asked
 * @param {(chosen: {model, output, runtime}) => void} changed
 */
export function modelChoice(models, asked, changed) {
  if (models.length < 2) return null;
  const isSeveral = (name) => models.filter(({ model }) => model === name).length > 1;
  const isAsked = ({ model, output, runtime }) =>
    model === asked.model && [output, ""].includes(asked.output) && [runtime, ""].includes(asked.runtime);
  const now = Math.max(0, models.findIndex(isAsked));
  const named = ({ model, output, runtime }) => (isSeveral(model) ? `${short(model)}, ${output}, ${runtime}` : short(model));

  function chosen(event) {
    const { model, output, runtime } = models[Number(event.target.value)];
    changed(isSeveral(model) ? { model, output, runtime } : { model, output: "", runtime: "" });
  }

  const options = models.map((one, at) => h("option", { value: at, selected: at === now }, named(one)));
  return h("label.model", null, h("span", null, "Model"), h("select", { on: { change: chosen } }, options));
}
