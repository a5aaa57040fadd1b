// Two pictures on one stage, each placed by a matrix: side by side, one over the other, or their difference.
// A matrix is [a, b, c, d, e, f] as in CSS: x' = a x + c y + e, y' = b x + d y + f.

export const affine = {
  identity: [1, 0, 0, 1, 0, 0],
  times: ([a, b, c, d, e, f], [u, v, w, x, y, z]) =>
    [a * u + c * v, b * u + d * v, a * w + c * x, b * w + d * x, a * y + c * z + e, b * y + d * z + f],
  inverse: ([a, b, c, d, e, f]) => {
    const n = a * d - b * c;
    return [d / n, -b / n, -c / n, a / n, (c * f - d * e) / n, (b * e - a * f) / n];
  },
  at: ([a, b, c, d, e, f], [x, y]) => [a * x + c * y + e, b * x + d * y + f],
  /** From the rows of a 2 x 3 matrix, as the library and the server have it. */
  ofRows: ([[a, c, e], [b, d, f]]) => [a, b, c, d, e, f],
};

/**
 * A stage and its tools.
 *
 * @param first what the picture below is called, such as "Kept".
 * @param second what the picture on it is called, such as "Copy".
 * @param changed called with the view when somebody chooses another one: "side", "over" or "diff".
 * @returns `{ element, stage, first, second, mode, show, choose, swap, flicker, stop, layout }`; `first` and `second`
 *   are the images.
 */
export const layTwo = ({ first: firstName, second: secondName, changed = () => {} }) => {
  const { times, inverse, at } = affine;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const make = (name, attributes = {}, ...children) => {
    const made = /^(svg|path)$/.test(name)
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const lines = name => make("svg", {}, make("path", { class: "shade" }), make("path", { class: `edge ${name}` }));
  const view = (value, text) => make("label", {},
    make("input", { type: "radio", name: "mode", value, autocomplete: "off" }), make("span", {}, text));
  const range = (id, attributes) => make("input", { type: "range", id, autocomplete: "off", ...attributes });
  const button = (id, text) => make("button", { type: "button", id }, text);

  const [first, second] = ["first", "second"].map(name => make("img", { class: name, alt: "" }));
  const plane = make("div", { class: "plane" }, first, second);
  const stage = make("div", { class: "stage", id: "stage", tabindex: "0", role: "img" },
    plane,
    make("svg", { class: "lines", "aria-hidden": "true" }, lines("first"), lines("second")),
    make("p", { class: "label first" }, firstName), make("p", { class: "label second" }, secondName),
    make("p", { class: "lost" }, "One of the two has no preview."));
  const opacity = range("opacity", { min: "0", max: "100", value: "50", "aria-label": `How much of the ${secondName.toLowerCase()} shows` });
  const gain = range("gain", { min: "1", max: "8", step: "0.5", value: "4" });
  const flickering = button("flicker", "Flicker");
  flickering.setAttribute("aria-pressed", "false");
  const swapping = button("swap", "Swap");
  const note = make("p", { class: "note", id: "note" });
  const views = make("fieldset", { class: "modes" }, make("legend", { class: "spoken" }, "View"),
    view("side", "Side by side"), view("over", "Overlay"), view("diff", "Difference"));
  const tools = make("div", { class: "tools" },
    views,
    make("div", { class: "for over" }, make("label", {}, `${firstName} `, opacity, ` ${secondName}`), swapping, flickering),
    make("div", { class: "for diff" }, make("label", {}, "Brighter ", gain)),
    note);
  const element = make("div", { class: "laid" }, stage, tools);
  views.querySelector("input").checked = true;

  const all = selector => [...element.querySelectorAll(selector)];
  const [panes, shades, edges] = [".lines svg", ".shade", ".edge"].map(all);
  let current = null;

  const corners = ({ width, height }) => [[0, 0], [width, 0], [width, height], [0, height]];
  const outline = points => "M" + points.map(point => point.map(n => n.toFixed(2)).join(" ")).join("L") + "Z";

  /** Whether a picture, moved by a matrix, lies within another one but for a hair at its edges. */
  const covers = (matrix, inner, outer) => corners(inner).every(([x, y]) => {
    const [u, v] = at(matrix, [0.015 * inner.width + 0.97 * x, 0.015 * inner.height + 0.97 * y]);
    return u >= 0 && v >= 0 && u <= outer.width && v <= outer.height;
  });

  /** The matrix that fits a box (in any unit) into another one (in CSS pixels), centred. */
  const fitted = (inner, outer) => {
    const scale = Math.min(outer.width / inner.width, outer.height / inner.height);
    return [scale, 0, 0, scale,
      outer.x + (outer.width - inner.width * scale) / 2 - inner.x * scale,
      outer.y + (outer.height - inner.height * scale) / 2 - inner.y * scale];
  };

  const around = points => {
    const [xs, ys] = [0, 1].map(i => points.map(point => point[i]));
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
  };

  /** Cuts what is drawn in an inner SVG off at a box; one unit stays one pixel of the stage. */
  const pane = (svg, { x, y, width, height }) => {
    for (const [name, value] of Object.entries({ x, y, width, height })) svg.setAttribute(name, value);
    svg.setAttribute("viewBox", [x, y, width, height].join(" "));
  };

  /** Where both pictures go: matrices from full-size pixels of each to CSS pixels of the stage. */
  const places = (mode, kept, copy, onKept, room) => {
    if (mode !== "side") {
      const seen = around([...corners(kept), ...corners(copy).map(point => at(onKept, point))]);
      const base = fitted(seen, room);
      return [base, times(base, onKept)];
    }
    const gap = 16;
    const wide = { ...room, width: (room.width - gap) / 2 };
    const tall = { ...room, height: (room.height - gap) / 2 };
    const fit = (picture, part) => fitted({ x: 0, y: 0, ...picture }, part);
    const least = part => Math.min(fit(kept, part)[0] * kept.width, fit(copy, part)[0] * copy.width);
    return least(wide) >= least(tall)
      ? [fit(kept, wide), fit(copy, { ...wide, x: room.x + wide.width + gap })]
      : [fit(kept, tall), fit(copy, { ...tall, y: room.y + tall.height + gap })];
  };

  /** Gives an image its place. Its own size is that of a picture whose longer side is 512. */
  const put = (image, picture, matrix) => {
    const unit = Math.max(picture.width, picture.height) / 512;
    image.style.width = `${picture.width / unit}px`;
    image.style.height = `${picture.height / unit}px`;
    image.style.transform = `matrix(${times(matrix, [unit, 0, 0, unit, 0, 0]).join(",")})`;
    return unit;
  };

  const polygon = points => `polygon(${points.map(point => point.map(n => `${n}px`).join(" ")).join(",")})`;

  const mode = () => element.querySelector("input[name=mode]:checked").value;

  const layout = () => {
    if (!current) return;
    const { kept, copy, onKept, aligned } = current;
    const full = { x: 0, y: 0, width: stage.clientWidth, height: stage.clientHeight };
    const room = { x: 12, y: 12, width: full.width - 24, height: full.height - 24 };
    const [one, two] = places(mode(), kept, copy, onKept, room);
    put(first, kept, one);
    const unit = put(second, copy, two);
    const frames = [corners(kept).map(point => at(one, point)), corners(copy).map(point => at(two, point))];
    const whole = [covers(inverse(onKept), kept, copy), covers(onKept, copy, kept)];
    // Each picture's shade covers what the other one does not show.
    const shared = [
      corners(copy).map(point => at(times(one, onKept), point)),
      corners(kept).map(point => at(times(two, inverse(onKept)), point)),
    ];
    shades.forEach((shade, i) => {
      const side = mode() === "side";
      const part = side && aligned && !whole[i];
      const frame = !side && (!whole[1 - i] || (i === 0 && mode() === "diff"));
      shade.setAttribute("d", part ? outline(frames[i]) + outline(shared[i]) : "");
      edges[i].setAttribute("d", part ? outline(shared[i]) : frame ? outline(frames[i]) : "");
      pane(panes[i], part ? around(frames[i]) : full);
    });
    // A difference is there where both are; what only one shows is left out.
    const both = mode() === "diff";
    plane.style.clipPath = both ? polygon(frames[1]) : "";
    second.style.clipPath = both
      ? polygon(corners(kept).map(point => at(inverse(onKept), point).map(n => n / unit)))
      : "";
    all(".label").forEach((label, i) => {
      const frame = around(frames[i]);
      label.style.left = `${Math.max(frame.x, 12)}px`;
      label.style.top = `${Math.max(frame.y, 12)}px`;
    });
  };

  const stop = () => {
    stage.classList.remove("flickering");
    flickering.setAttribute("aria-pressed", "false");
  };

  const showOpacity = () => {
    const shown = mode() === "over" ? Number(opacity.value) : null;
    second.style.opacity = shown === null ? "" : shown / 100;
    stage.dataset.shown = { 0: "first", 100: "second" }[shown] ?? "both";
    plane.style.filter = mode() === "diff" ? `brightness(${gain.value})` : "";
  };

  const showMode = () => {
    element.dataset.mode = mode();
    stop();
    showOpacity();
    layout();
  };

  const choose = value => {
    element.querySelector(`input[value=${value}]`).checked = true;
    showMode();
  };

  const swap = () => {
    stop();
    opacity.value = opacity.value >= 50 ? 0 : 100;
    showOpacity();
  };

  // Whoever asked for less motion gets one change for each press.
  const flicker = () => {
    if (calm.matches) return swap();
    const on = stage.classList.toggle("flickering");
    flickering.setAttribute("aria-pressed", String(on));
  };

  for (const input of [opacity, gain]) input.addEventListener("input", () => { stop(); showOpacity(); });
  for (const input of all("input[name=mode]")) {
    input.addEventListener("change", () => { showMode(); changed(mode()); });
  }
  swapping.addEventListener("click", swap);
  flickering.addEventListener("click", flicker);
  new ResizeObserver(layout).observe(stage);

  return {
    element, stage, first, second, mode, choose, swap, flicker, stop, layout,

    /**
     * Shows two pictures.
     *
     * @param kept `{ width, height }` of the one below, in full-size pixels.
     * @param copy likewise.
     * @param onKept the matrix that takes points of the copy to the one below.
     * @param aligned whether it was measured; else they lie on each other by their corners.
     */
    show({ kept, copy, onKept, aligned }) {
      current = { kept, copy, onKept, aligned };
      element.classList.toggle("without", first.hidden || second.hidden);
      note.textContent = aligned ? "" : "Laid on each other by their corners only.";
      showMode();
    },
  };
};
