// Which pictures are shown: those of the values chosen in the legend, in the range, and found by the search.

const filter = {
  only: new Set(), // values of the column coloured by, from 1, and 0 for none; empty for all
  range: null, // [low, high] of a column of numbers; null for all
  words: [], // all of which a picture must have
  among: null, // pictures chosen by hand; null for all
  shown: new Uint8Array(n).fill(1),
  count: n,
  texts: null, // of each picture, what is searched
  changed: () => {},

  get active() { return this.only.size > 0 || this.range !== null || this.words.length > 0 || this.among !== null; },

  /** Whether a picture is shown that has this value of the column coloured by. */
  hasValue(code) { return this.values.has(code); },
  values: new Set(),

  clear() {
    this.only.clear();
    this.range = null;
    this.words = [];
    this.among = null;
    find("search").value = "";
    this.apply();
  },

  search(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.apply();
  },

  matches(i) {
    const { column } = colours;
    if (this.among && !this.among.has(i)) return false;
    if (this.only.size && column?.codes && !this.only.has(column.codes[i])) return false;
    if (this.range && column?.numbers) {
      const value = column.numbers[i];
      if (!(value >= this.range[0] && value <= this.range[1])) return false;
    }
    return this.words.every(word => this.texts[i].includes(word));
  },

  apply() {
    if (this.words.length && !this.texts) {
      this.texts = Array.from({ length: n }, (_, i) =>
        [pathOf(i), ...columns.map(column => valueOf(column, i))].join("\n").toLowerCase());
    }
    this.count = 0;
    for (let i = 0; i < n; i++) this.count += this.shown[i] = this.active ? Number(this.matches(i)) : 1;
    const codes = colours.column?.codes;
    this.values = new Set(codes ? codes.filter((_, i) => this.shown[i]) : []);
    thin(this.shown);
    find("count").textContent = this.active
      ? `${many(this.count)} of ${many(n)} ${n === 1 ? "picture" : "pictures"}`
      : `${many(n)} ${n === 1 ? "picture" : "pictures"}`;
    this.changed();
    draw.soon();
  },

  list() { return Array.from({ length: n }, (_, i) => i).filter(i => this.shown[i]); },
};

// --- the legend ---------------------------------------------------------------------------------------

const LISTED = 300;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

const legend = {
  place: find("legend"),

  show() {
    const { column } = colours;
    this.place.replaceChildren();
    if (column?.numbers) this.scale(column);
    else if (column) this.values(column);
  },

  values(column) {
    const codes = column.values.map((_, k) => k + 1).slice(0, LISTED);
    if (column.counts[0]) codes.push(0);
    for (const code of codes) {
      const name = code ? column.values[code - 1] : "no value";
      const swatch = element("i");
      swatch.style.background = colours.cssOf(code);
      const button = element(
        "button", { type: "button", title: name, ariaPressed: "false" },
        swatch, element("span", {}, name), element("b", {}, many(column.counts[code])),
      );
      button.dataset.code = code;
      button.addEventListener("click", () => {
        if (!filter.only.delete(code)) filter.only.add(code);
        filter.apply();
        this.mark();
      });
      this.place.append(button);
    }
    if (column.values.length > LISTED) {
      this.place.append(element("p", {}, `and ${many(column.values.length - LISTED)} more: search for them`));
    }
    this.mark();
  },

  mark() {
    for (const button of this.place.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(filter.only.has(Number(button.dataset.code))));
    }
    this.place.classList.toggle("some", filter.only.size > 0);
  },

  /** Of numbers: how many lie where, in the colours of the scale, and two sliders. */
  scale(column) {
    const [low, high] = colours.extent;
    const bars = 40, heights = new Uint32Array(bars);
    for (const value of column.numbers) {
      if (Number.isFinite(value)) heights[Math.min(Math.floor(colours.share(value) * bars), bars - 1)] += 1;
    }
    const most = Math.max(...heights, 1);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 200 46");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    heights.forEach((height, k) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const tall = height ? 2 + 44 * Math.sqrt(height / most) : 0;
      const place = { x: k * 5 + 0.3, y: 46 - tall, width: 4.4, height: tall, fill: onScale((k + 0.5) / bars) };
      for (const [key, value] of Object.entries(place)) bar.setAttribute(key, value);
      svg.append(bar);
    });
    const shown = element("p", { className: "between" });
    const [from, to] = (filter.range ?? [low, high]);
    const share = value => String(Math.round(colours.share(value) * 1000));
    const inputs = [["Least", share(from)], ["Most", share(to)]].map(([name, value]) => element("input", {
      type: "range", min: "0", max: "1000", value, ariaLabel: `${name} ${column.name}`,
    }));
    const read = () => {
      const ends = inputs.map(input => Number(input.value)).sort((a, b) => a - b);
      const values = ends.map(end => low + (end / 1000) * (high - low));
      if (ends[0] === 0) values[0] = low;
      if (ends[1] === 1000) values[1] = high;
      return { whole: ends[0] === 0 && ends[1] === 1000, values };
    };
    const tell = () => { shown.textContent = read().values.map(value => Number(value.toPrecision(4))).join(" – "); };
    let timer = 0;
    for (const input of inputs) {
      input.addEventListener("input", () => {
        tell();
        clearTimeout(timer);
        timer = setTimeout(() => {
          const { whole, values } = read();
          filter.range = whole ? null : values;
          filter.apply();
        }, 60);
      });
    }
    tell();
    this.place.append(element("div", { className: "scale" }, svg, element("div", { className: "map-ends" }, ...inputs), shown));
  },
};

const colourBy = name => {
  const column = columns.find(column => column.name === name) ?? null;
  filter.only.clear();
  filter.range = null;
  colours.choose(column);
  find("colour").value = column ? column.name : "";
  legend.show();
  filter.apply();
};
