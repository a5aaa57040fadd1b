import { heatLegend, layHeat } from "./heat.js";

{
  const find = id => document.getElementById(id);
  const explanation = JSON.parse(find("explanation").textContent);
  const { queries: [query], found } = explanation;
  for (const [name, { width, height }] of Object.entries({ query, found })) {
    find(name).style.aspectRatio = `${width} / ${height}`;
    find(name).style.width = `min(100%, ${((58 * width) / height).toFixed(2)}vh)`;
  }
  const heat = layHeat(explanation, [find("query"), find("found")], text => { find("told").textContent = text; });
  find("legend").append(heatLegend());
  const toggle = () => find("toggle").setAttribute("aria-pressed", String(heat.toggle()));
  find("toggle").addEventListener("click", toggle);
  addEventListener("keydown", event => {
    if (event.key === "h" && !event.ctrlKey && !event.metaKey && !event.altKey) toggle();
  });
}
