// The colour of each picture, in the theme of the moment.

const { root } = host;
const media = matchMedia("(prefers-color-scheme: dark)");

const theme = {
  chosen: null, // "light" or "dark" when somebody has chosen
  get name() { return this.chosen ?? (media.matches ? "dark" : "light"); },
  css: {},
  font: "sans-serif",
  apply() {
    if (host.mayChooseTheme) root.dataset.theme = this.name;
    const style = getComputedStyle(root);
    this.font = getComputedStyle(document.body).fontFamily;
    for (const name of ["paper", "card", "tile", "ink", "quiet", "line", "accent", "track"]) {
      this.css[name] = style.getPropertyValue(`--${name}`).trim();
    }
  },
};

const rgbOf = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
const hexOf = rgb => "#" + rgb.map(part => Math.round(part).toString(16).padStart(2, "0")).join("");

/** A colour of the scale, for a share from 0 to 1. */
const onScale = share => {
  const stops = raw.scales[theme.name].map(rgbOf);
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return hexOf(stops[low].map((part, k) => part + (stops[low + 1][k] - part) * (at - low)));
};

const colours = {
  column: null, // what is coloured by; null for nothing
  of: new Uint8Array(n), // each picture's colour, a position in `palette`
  palette: [], // as CSS; the first is for pictures of which nothing is known
  extent: [0, 1], // of a column of numbers

  choose(column) {
    this.column = column;
    if (column?.numbers) {
      const known = column.numbers.filter(Number.isFinite);
      this.extent = known.length
        ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))]
        : [0, 1];
    }
    this.paint();
  },

  share(value) {
    const [low, high] = this.extent;
    return high > low ? (value - low) / (high - low) : 0.5;
  },

  paint() {
    const { column } = this;
    const none = theme.name === "dark" ? "#6b675f" : "#b3afa6";
    if (!column) {
      this.palette = [none, theme.css.accent];
      this.of.fill(1);
    } else if (column.numbers) {
      this.palette = [none, ...Array.from({ length: 64 }, (_, step) => onScale(step / 63))];
      for (let i = 0; i < n; i++) {
        const value = column.numbers[i];
        this.of[i] = Number.isFinite(value) ? 1 + Math.round(this.share(value) * 63) : 0;
      }
    } else {
      this.palette = [none, ...raw.palettes[theme.name]];
      for (let i = 0; i < n; i++) this.of[i] = column.codes[i] ? 1 + column.colours[column.codes[i] - 1] : 0;
    }
  },

  css(i) { return this.palette[this.of[i]]; },
  /** Of one of a column's values, from 1. */
  cssOf(code) { return this.palette[code ? 1 + this.column.colours[code - 1] : 0]; },
};
