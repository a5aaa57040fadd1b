import { h } from "../dom.js";

export const title = "Search";

export function show(root, params, app) {
  root.append(h("h1.spoken", null, title));
  app.state(root, { title: "Not here yet", text: "This view is being built." });
}
