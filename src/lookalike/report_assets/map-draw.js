// One frame: dots as pixels, thumbnails where there is room, what is selected, names.

const GAP = 12; // pixels: twice what is left between two thumbnails and their frames

const draw = {
  context: canvas.getContext("2d"),
  image: null, // the dots' pixels, as large as the canvas
  words: null, // the same as 32-bit numbers
  waiting: false,
  frames: 0,
  drawn: { dots: 0, thumbnails: 0, faint: 0, labels: 0, milliseconds: 0 }, // of the last frame
  tiles: [], // of the last frame: [picture, left, top, width, height], the topmost last

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.now(); });
  },

  resize() {
    view.ratio = Math.min(devicePixelRatio || 1, 2);
    view.width = canvas.clientWidth;
    view.height = canvas.clientHeight;
    canvas.width = Math.max(1, Math.round(view.width * view.ratio));
    canvas.height = Math.max(1, Math.round(view.height * view.ratio));
    view.whole = null;
    this.image = this.context.createImageData(canvas.width, canvas.height);
    this.words = new Uint32Array(this.image.data.buffer);
    this.soon();
  },

  /** The longer side of a thumbnail: larger the closer one is. */
  get side() {
    const least = view.width < 720 ? 34 : 42;
    return Math.min(least * Math.max(view.zoom, 0.6) ** 0.36, 168);
  },

  now() {
    const begun = performance.now();
    const side = this.side;
    const tiles = [], dots = [], faint = [];
    const [left, top] = view.toWorld(-side, -side);
    const [right, bottom] = view.toWorld(view.width + side, view.height + side);
    const tile = (side + GAP + Math.max(18, 0.32 * side)) / 2 / view.scale, dot = Math.max(0.7, 0.6 * this.radius) / view.scale;
    grid.within(left, top, right, bottom, i => {
      if (!filter.shown[i]) faint.push(i);
      else if (reach[i] >= tile && pictured(i)) tiles.push(i);
      else if (reach[i] >= dot) dots.push(i);
    });
    this.words.fill(0);
    this.dots(faint, true);
    this.dots(dots, false);
    this.context.putImageData(this.image, 0, 0);
    this.context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    this.lines();
    this.thumbnails(tiles, side);
    this.rings();
    const labels = this.labels();
    this.lassoed();
    this.frames += 1;
    this.drawn = {
      dots: dots.length, thumbnails: tiles.length, faint: faint.length, labels,
      milliseconds: performance.now() - begun,
    };
  },

  // --- dots: written as pixels, which takes as long everywhere, with or without a graphics card ---

  get radius() {
    const crowd = Math.sqrt((view.width * view.height) / Math.max(n, 1));
    return Math.min(Math.max(0.16 * crowd, 1.3), 3.4) * Math.min(Math.max(view.zoom, 0.7) ** 0.25, 1.9);
  },

  /** The pixels around a dot's middle: where they are, how far dot and rim cover them, and their colours. */
  stamp(radius, rim, dyes, under) {
    const reach = Math.ceil(radius + rim), spots = [];
    const cover = (distance, size) => Math.min(Math.max(size - distance + 0.5, 0), 1);
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const core = cover(Math.hypot(dx, dy), radius), whole = cover(Math.hypot(dx, dy), radius + rim);
        if (whole > 0.02) spots.push({ offset: dy * canvas.width + dx, core, whole });
      }
    }
    const inks = dyes.map(dye => Uint32Array.from(spots, ({ core, whole }) =>
      packed(dye.map((part, k) => (rim ? core * part + (1 - core) * under[k] : part)), whole)));
    return { reach, inks, offsets: Int32Array.from(spots, spot => spot.offset) };
  },

  dots(some, faint) {
    if (!some.length) return;
    const { width, height } = canvas, { words } = this;
    const radius = (faint ? 0.75 : 1) * this.radius * view.ratio;
    const rim = faint || radius < 2 ? 0 : 0.7 * view.ratio;
    const dyes = (faint ? [theme.css.track] : colours.palette).map(rgbOf);
    const { reach, inks, offsets } = this.stamp(radius, rim, dyes, rgbOf(theme.css.paper));
    const scale = view.scale * view.ratio;
    const left = (view.width / 2) * view.ratio - view.x * scale, top = (view.height / 2) * view.ratio - view.y * scale;
    for (const i of some) {
      const x = Math.round(xs[i] * scale + left), y = Math.round(ys[i] * scale + top);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const ink = inks[faint ? 0 : colours.of[i]], middle = y * width + x;
      for (let s = 0; s < offsets.length; s++) {
        const at = middle + offsets[s], ours = ink[s];
        words[at] = ours >= 0xff000000 || words[at] === 0 ? ours : over(ours, words[at]);
      }
    }
  },

  // --- thumbnails ---------------------------------------------------------------------------------

  /** Each as large as it can be without touching more important ones, which are `side` long at most. Its own
  half and half of `side` fit between them when it is no longer than twice their distance less `side`. */
  thumbnails(some, side) {
    this.tiles = [];
    const { context } = this;
    some.sort((a, b) => importance[b] - importance[a]);
    context.imageSmoothingQuality = "high";
    for (const i of some) this.thumbnail(i, Math.min(side, 2 * reach[i] * view.scale - side - GAP));
  },

  thumbnail(i, side) {
    const { context } = this;
    const [x, y] = view.toScreen(xs[i], ys[i]);
    const found = atlas.thumbnail(i, side);
    const [w, h] = found ? [found.width, found.height] : [pixels[2 * i], pixels[2 * i + 1]];
    const scale = side / Math.max(w, h, 1);
    const [width, height] = [Math.max(w * scale, 4), Math.max(h * scale, 4)];
    const [left, top] = [x - width / 2, y - height / 2];
    const rim = side < 60 ? 2 : 2.5;
    context.fillStyle = theme.css.paper;
    context.beginPath();
    context.roundRect(left - rim - 1.2, top - rim - 1.2, width + 2 * rim + 2.4, height + 2 * rim + 2.4, 5.5);
    context.fill();
    context.fillStyle = colours.css(i);
    context.beginPath();
    context.roundRect(left - rim, top - rim, width + 2 * rim, height + 2 * rim, 4.5);
    context.fill();
    if (found) {
      context.drawImage(found.sheet, found.x, found.y, w, h, left, top, width, height);
    } else {
      context.fillStyle = theme.css.tile;
      context.fillRect(left, top, width, height);
    }
    this.tiles.push([i, left - rim, top - rim, width + 2 * rim, height + 2 * rim]);
  },

  // --- what is selected -----------------------------------------------------------------------------

  lines() {
    if (panels.focus === null) return;
    const { context } = this;
    const [x, y] = view.toScreen(xs[panels.focus], ys[panels.focus]);
    context.lineWidth = 1.5;
    context.strokeStyle = theme.css.ink;
    for (const [other, percent] of near(panels.focus)) {
      const [u, v] = view.toScreen(xs[other], ys[other]);
      context.globalAlpha = 0.25 + 0.5 * Math.max(percent, 0) / 100;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(u, v);
      context.stroke();
    }
    context.globalAlpha = 1;
  },

  rings() {
    for (const i of panels.selected) this.ring(i, theme.css.ink, 1.5);
    if (panels.focus !== null) {
      const side = Math.min(this.side, 64);
      for (const [other] of near(panels.focus)) if (pictured(other)) this.thumbnail(other, side);
      if (pictured(panels.focus)) this.thumbnail(panels.focus, Math.max(side * 1.25, 54));
      this.ring(panels.focus, theme.css.ink, 3);
    }
    if (pointing.at !== null && pointing.at !== panels.focus) this.ring(pointing.at, theme.css.ink, 2);
  },

  ring(i, colour, thickness) {
    const { context } = this;
    const [x, y] = view.toScreen(xs[i], ys[i]);
    if (x < -200 || y < -200 || x > view.width + 200 || y > view.height + 200) return;
    const tile = this.tiles.findLast(tile => tile[0] === i);
    context.lineWidth = thickness;
    context.strokeStyle = colour;
    context.beginPath();
    if (tile) context.roundRect(tile[1] - 1, tile[2] - 1, tile[3] + 2, tile[4] + 2, 5.5);
    else context.arc(x, y, this.radius + 1.5, 0, 2 * Math.PI);
    context.stroke();
  },

  lassoed() {
    const path = lasso.path;
    if (path.length < 2) return;
    const { context } = this;
    context.beginPath();
    path.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.fillStyle = theme.css.accent;
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.setLineDash([6, 4]);
    context.strokeStyle = theme.css.accent;
    context.stroke();
    context.setLineDash([]);
  },

  // --- names ----------------------------------------------------------------------------------------

  /** The names of values beside where these are most at home, the most frequent first; none lies on another one or
  on a thumbnail. */
  labels() {
    const { column } = colours;
    if (!column?.spots?.length || panels.focus !== null) return 0;
    const { context } = this, taken = this.tiles.map(([, x, y, w, h]) => [x, y, x + w, y + h]);
    const thumbnails = taken.length, tall = 22;
    context.font = `600 12px ${theme.font}`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    const room = Math.round((view.width * view.height) / 30_000);
    for (let code = 1; code <= column.spots.length && taken.length - thumbnails < room; code++) {
      if (!filter.hasValue(code)) continue;
      const [x, y] = view.toScreen(...column.spots[code - 1]);
      if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
      const text = short(column.values[code - 1], 22);
      const width = context.measureText(text).width + 16;
      // Where there are few values, each is named, if need be on a thumbnail.
      const box = this.place(x, y, width, tall, taken)
        ?? (filter.values.size <= 13 ? this.place(x, y, width, tall, taken.slice(thumbnails)) : null);
      if (!box) continue;
      taken.push(box);
      this.label(box, text, colours.cssOf(code));
    }
    return taken.length - thumbnails;
  },

  /** The first free place for a box around a point, from the point itself outwards; null when there is none. */
  place(x, y, width, height, taken) {
    const step = this.side / 2 + height / 2 + 4;
    for (const [dx, dy] of [[0, 0], [0, -0.5], [0, 0.5], [0, 1], [0, -1], [-0.6, 1], [0.6, 1], [-0.6, -1], [0.6, -1]]) {
      const [u, v] = [x + dx * step, y + dy * step];
      const box = [u - width / 2, v - height / 2, u + width / 2, v + height / 2];
      if (!taken.some(b => box[0] < b[2] + 3 && b[0] < box[2] + 3 && box[1] < b[3] + 3 && b[1] < box[3] + 3)) return box;
    }
    return null;
  },

  label([left, top, right, bottom], text, colour) {
    const { context } = this;
    context.globalAlpha = 0.92;
    context.fillStyle = theme.css.card;
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, 11);
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.strokeStyle = colour;
    context.stroke();
    context.fillStyle = theme.css.ink;
    context.fillText(text, (left + right) / 2, (top + bottom) / 2 + 0.5);
  },

  /** The picture at a point of the canvas: a thumbnail, else the nearest dot; null for none. */
  hit(px, py, slack = 9) {
    const tile = this.tiles.findLast(([, left, top, width, height]) =>
      px >= left && py >= top && px <= left + width && py <= top + height);
    if (tile) return tile[0];
    const [x, y] = view.toWorld(px, py), around = (slack + this.radius) / view.scale;
    let best = null, least = around;
    grid.within(x - around, y - around, x + around, y + around, i => {
      const distance = Math.hypot(xs[i] - x, ys[i] - y);
      if (filter.shown[i] && distance < least) [best, least] = [i, distance];
    });
    return best;
  },
};

/** A colour as the pixels of an image have it on all machines of today: alpha, blue, green, red. */
const packed = ([red, green, blue], alpha) =>
  ((Math.round(alpha * 255) << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;

/** One such colour laid over another one. */
const over = (ours, old) => {
  const alpha = (ours >>> 24) / 255, behind = ((old >>> 24) / 255) * (1 - alpha), all = alpha + behind;
  const mixed = shift => (((ours >>> shift) & 255) * alpha + ((old >>> shift) & 255) * behind) / all;
  return packed([mixed(0), mixed(8), mixed(16)], all);
};

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
