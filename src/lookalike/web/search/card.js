// The card of what is asked: the picture, a part of it, others for and against, how much alike, and by which model.
// Its place is there before the picture has come.

import * as api from "../api.js";
import { copies } from "../copies.js";
import { fill, h, icon } from "../dom.js";
import { region } from "../region.js";
import { chosenModel } from "./address.js";
import { formOf } from "./asking.js";
import { modelChoice } from "./models.js";
import { sides } from "./sides.js";
import { threshold } from "./threshold.js";

const WIDE = 300;

/**
 * The card.
 * @param {{app: Object, seen: Object, go: (changes) => void, open: (id: number) => void, pick: (as: string) => void}} given
 * @returns {{element, update(asked): Promise, redraw()}} redraw: the next update draws it in any case.
 */
export function card({ app, seen, go, open, pick }) {
  const element = h("section.query", { "aria-label": "What is asked" });
  const slider = threshold((value) => go({ threshold: value }));
  let drawn = null; // what it shows

  const keyOf = ({ like, also, against, region: part, ...asked }) => JSON.stringify([like, also, against, part, chosenModel(asked)]);

  async function update(asked) {
    slider.show(asked);
    const key = keyOf(asked);
    if (drawn === key) return;
    drawn = key;
    element.hidden = !asked.like;
    if (!asked.like) {
      fill(element);
      return;
    }
    const stage = h("div.asked-stage");
    const name = h("p.asked-name");
    const actions = h("div.asked-actions");
    const model = h("div.asked-model");
    const copied = copiesOf(asked.like);
    fill(
      element,
      h("div.asked", null, stage, h("div.asked-text", null, name, actions)),
      copied?.told,
      sides(asked, { seen, pick, remove: (side, one) => go({ [side]: asked[side].filter((other) => other !== one) }) }),
      slider.element,
      model,
    );
    const show = (image) => {
      name.textContent = name.title = image.name;
      draw(image, asked, { stage, actions, copied });
    };
    const image = seen.at(asked.like, WIDE);
    if (image) show(image);
    else draw({ name: "" }, asked, { stage, actions, copied });
    if (seen.models) fill(model, choiceOf(asked));
    const [late] = await Promise.all([image ? null : seen.image(asked.like, WIDE), seen.modelsThere(), curve(asked, key)]);
    if (drawn !== key) return;
    if (late) show(late);
    fill(model, choiceOf(asked));
  }

  async function curve(asked, key) {
    const { calibration } = await api.get("/v1/calibration", chosenModel(asked));
    if (drawn === key) slider.curve(calibration);
  }

  const choiceOf = (asked) => modelChoice(seen.models, asked, go);

  function copiesOf(like) {
    const upload = app.uploads.get(like);
    return upload ? copies(app, { text: "Is it here?", name: like, form: () => formOf(upload) }) : null;
  }

  /** The picture and what can be done with it; before it has come, room for both. */
  function draw({ element: image, id }, asked, { stage, actions, copied }) {
    const part = image?.tagName === "IMG" ? region({ image, value: asked.region, changed: (value) => cut(value, asked) }) : null;
    if (image) fill(stage, part ? part.element : h("div.region", null, image));
    const isComing = !image;
    const details = id || isComing ? h("button.plain", { type: "button", disabled: isComing, on: { click: () => open(id) } }, icon("info"), "Details") : null;
    fill(
      actions,
      part?.controls ?? (isComing ? h("button.plain", { type: "button", disabled: true }, icon("region"), "Only a part") : null),
      details,
      h("button.plain", { type: "button", on: { click: () => pick("like") } }, icon("upload"), "Another picture"),
      copied?.button,
    );
  }

  function cut(value, asked) {
    if (String(value) === String(asked.region)) return;
    drawn = keyOf({ ...asked, region: value }); // it is drawn already
    go({ region: value });
  }

  return { element, update, redraw: () => (drawn = null) };
}
