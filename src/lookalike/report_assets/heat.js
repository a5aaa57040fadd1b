// Heat: how much each place of two pictures adds to their similarity, laid over them. A place that is pointed at
// or chosen by the arrow keys shows what it agrees with in the other picture.

const STOPS = [[30, 20, 70, 0.06], [106, 28, 110, 0.34], [203, 55, 78, 0.55], [246, 131, 30, 0.68], [252, 220, 92, 0.8]];
const AGAINST = [40, 120, 220];

/** The colour of a share, from 0 to 1 of the largest one: [red, green, blue, alpha]; below 0 it speaks against. */
export const heatColour = share => {
  if (share < 0) return [...AGAINST, Math.min(0.75, -share * 0.75)];
  const at = Math.min(share, 1) * (STOPS.length - 1), low = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[low].map((part, k) => part + (STOPS[low + 1][k] - part) * (at - low));
};

const percent = (share, whole) => `${((100 * share) / whole).toFixed(1)} %`;

/** The grid of one picture: a canvas over it, as large as the part of it that the network sees. */
const layer = (place, { shares, box, width, height }, name) => {
  const [rows, columns] = [shares.length, shares[0].length];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns * 24, rows * 24];
  canvas.className = "heat";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  const mark = document.createElement("i");
  mark.className = "heat-place";
  mark.hidden = true;
  const whole = document.createElement("div");
  whole.className = "heat-frame";
  const [x, y, across, down] = box;
  const inset = { left: x / width, top: y / height, width: across / width, height: down / height };
  for (const [side, share] of Object.entries(inset)) whole.style[side] = `${100 * share}%`;
  whole.append(canvas, mark);
  place.append(whole);
  const small = document.createElement("canvas");
  [small.width, small.height] = [columns, rows];
  return {
    canvas, whole, rows, columns, name,
    shares: shares.flat(),

    /** Paints numbers, one a place, as shares of the largest that there is. */
    paint(numbers, largest) {
      const pixels = new ImageData(columns, rows);
      numbers.forEach((number, i) => {
        const [red, green, blue, alpha] = heatColour(number / largest);
        pixels.data.set([red, green, blue, 255 * alpha], 4 * i);
      });
      small.getContext("2d").putImageData(pixels, 0, 0);
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingQuality = "high";
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
    },

    mark(place) {
      mark.hidden = place === null;
      if (place === null) return;
      const [row, column] = [Math.floor(place / columns), place % columns];
      const at = { left: column / columns, top: row / rows, width: 1 / columns, height: 1 / rows };
      for (const [side, share] of Object.entries(at)) mark.style[side] = `${100 * share}%`;
    },

    /** The place at a point of the canvas. */
    at({ offsetX, offsetY }) {
      const part = (offset, size, count) => Math.min(Math.max(Math.floor((offset / size) * count), 0), count - 1);
      return part(offsetY, canvas.clientHeight, rows) * columns + part(offsetX, canvas.clientWidth, columns);
    },

    /** Where most of it is, in words. */
    summary() {
      const best = this.shares.indexOf(Math.max(...this.shares));
      const [down, right] = [(Math.floor(best / columns) + 0.5) / rows, ((best % columns) + 0.5) / columns];
      const third = (share, words) => words[Math.min(Math.floor(share * 3), 2)];
      return `${name}: the place that adds most is at the ${third(down, ["top", "middle", "bottom"])} ${third(right, ["left", "centre", "right"])}`;
    },
  };
};

/**
 * Lays an explanation over two pictures.
 *
 * @param explanation what the library, the command and `/v1/explain` give: similarity, queries, found, pairs.
 * @param places two elements, for the query and for the picture found. Each is exactly as large as its picture,
 *   all of which it shows, and a containing block (`position: relative`).
 * @param told called with a sentence about the place that is chosen, or about all of it.
 * @param query which of the pictures asked with the first element shows.
 * @returns `{ on, toggle(on), remove() }`
 */
export const layHeat = (explanation, places, told = () => {}, query = 0) => {
  const { similarity, queries, found, pairs } = explanation;
  const layers = [layer(places[0], queries[query], "Query"), layer(places[1], found, "Found")];
  const numbers = layers.map(one => one.shares);
  const largest = Math.max(...numbers.flat(), 1e-9);
  const own = numbers[0].reduce((sum, share) => sum + share, 0);
  const all = queries.length > 1
    ? `All places of the ${queries.length} pictures asked with add up to ${similarity.toFixed(3)}, those of the one shown to ${own.toFixed(3)}.`
    : `All places together add up to ${similarity.toFixed(3)}.`;
  let chosen = null; // [which picture, which place]

  const agreeing = (which, place) => (which === 0
    ? pairs[place]
    : pairs.map(row => row[place]));

  const choose = (which, place) => {
    if (place === null) chosen = null;
    else chosen = [which, place];
    layers.forEach((one, i) => {
      const other = chosen && i !== which && pairs ? agreeing(which, place) : null;
      if (other) one.paint(other, Math.max(...other, 1e-9));
      else one.paint(numbers[i], largest);
      one.whole.classList.toggle("other", other !== null);
      one.mark(chosen && i === which ? place : null);
    });
    told(chosen
      ? `This place adds ${numbers[which][place].toFixed(4)}, ${percent(numbers[which][place], similarity)} of ${similarity.toFixed(3)}.`
        + (pairs ? " The other picture shows what it agrees with." : "")
      : all);
  };

  layers.forEach((one, which) => {
    const { canvas, columns, rows } = one;
    canvas.setAttribute("aria-label", `${one.summary()}. Arrow keys go from place to place.`);
    canvas.addEventListener("pointermove", event => choose(which, one.at(event)));
    canvas.addEventListener("pointerdown", event => choose(which, one.at(event)));
    canvas.addEventListener("pointerleave", () => choose(which, null));
    canvas.addEventListener("blur", () => choose(which, null));
    canvas.addEventListener("keydown", event => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (event.key === "Escape" && chosen) {
        choose(which, null);
      } else if (step) {
        const now = chosen?.[0] === which ? chosen[1] : one.shares.indexOf(Math.max(...one.shares));
        const row = Math.min(Math.max(Math.floor(now / columns) + step[0], 0), rows - 1);
        const column = Math.min(Math.max((now % columns) + step[1], 0), columns - 1);
        choose(which, chosen ? row * columns + column : now);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  });

  choose(0, null);
  return {
    on: true,
    toggle(on = !this.on) {
      this.on = on;
      for (const { whole } of layers) whole.hidden = !on;
      if (on) choose(0, null);
      else told("");
      return on;
    },
    remove() { for (const { whole } of layers) whole.remove(); },
  };
};

/** The scale of the colours, as an element. */
export const heatLegend = () => {
  const made = document.createElement("div");
  made.className = "heat-legend";
  const bar = document.createElement("canvas");
  [bar.width, bar.height] = [120, 1];
  bar.setAttribute("aria-hidden", "true");
  const context = bar.getContext("2d");
  for (let x = 0; x < 120; x++) {
    const [red, green, blue, alpha] = heatColour(x / 119);
    context.fillStyle = `rgb(${red} ${green} ${blue} / ${0.25 + 0.75 * alpha})`;
    context.fillRect(x, 0, 1, 1);
  }
  const words = ["adds nothing", "adds most"].map(text => {
    const span = document.createElement("span");
    span.textContent = text;
    return span;
  });
  made.append(words[0], bar, words[1]);
  return made;
};
