// The view onto the world, what lies in it, and which pictures have room for a thumbnail.

const canvas = find("plane");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const view = {
  x: worldWidth / 2, y: worldHeight / 2, // the world's point in the middle
  scale: 1, // CSS pixels for 1 of the world
  width: 1, height: 1, // of the canvas, in CSS pixels
  ratio: 1, // device pixels for a CSS pixel

  /** The part of the canvas that nothing lies on, where the whole map goes. */
  room() {
    const narrow = this.width < 720;
    const side = find("side").getBoundingClientRect();
    return narrow
      ? { x: 12, y: 64, width: this.width - 24, height: Math.max(120, this.height - 64 - 150) }
      : { x: side.right + 28, y: 44, width: this.width - side.right - 56, height: this.height - 124 };
  },
  whole: null, // the view of the whole map, for the canvas as it is
  fitting() {
    return this.whole ??= this.fitted();
  },
  fitted() {
    const room = this.room();
    const scale = 0.94 * Math.min(room.width / Math.max(worldWidth, 0.05), room.height / Math.max(worldHeight, 0.05));
    return {
      scale,
      x: worldWidth / 2 - (room.x + room.width / 2 - this.width / 2) / scale,
      y: worldHeight / 2 - (room.y + room.height / 2 - this.height / 2) / scale,
    };
  },
  get least() { return this.fitting().scale * 0.5; },
  get most() { return this.fitting().scale * Math.max(12, 2.2 * Math.sqrt(n)); },
  get zoom() { return this.scale / this.fitting().scale; },

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  },
  toWorld(x, y) {
    return [(x - this.width / 2) / this.scale + this.x, (y - this.height / 2) / this.scale + this.y];
  },
  set({ x, y, scale }) {
    this.scale = Math.min(Math.max(scale, this.least), this.most);
    this.x = Math.min(Math.max(x, -0.1), worldWidth + 0.1);
    this.y = Math.min(Math.max(y, -0.1), worldHeight + 0.1);
    draw.soon();
  },
  /** Zooms so that what is at a point of the canvas stays there. */
  zoomAt(factor, px, py) {
    const scale = Math.min(Math.max(this.scale * factor, this.least), this.most);
    const [x, y] = this.toWorld(px, py);
    this.set({ scale, x: x - (px - this.width / 2) / scale, y: y - (py - this.height / 2) / scale });
  },
  pan(dx, dy) { this.set({ scale: this.scale, x: this.x - dx / this.scale, y: this.y - dy / this.scale }); },

  moving: 0,
  /** Goes to another view, at once for whoever asked for less motion. */
  go(target, milliseconds = 320) {
    cancelAnimationFrame(this.moving);
    const from = { x: this.x, y: this.y, scale: this.scale };
    const to = { ...from, ...target };
    if (calm.matches || document.hidden) return this.set(to);
    const begun = performance.now();
    const step = now => {
      const share = Math.min((now - begun) / milliseconds, 1);
      const eased = 1 - (1 - share) ** 3;
      const scale = from.scale * (to.scale / from.scale) ** eased;
      // Points move along with the scale, so that zooming in goes straight for the target.
      const way = to.scale === from.scale ? eased : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
      this.set({ scale, x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way });
      if (share < 1) this.moving = requestAnimationFrame(step);
    };
    this.moving = requestAnimationFrame(step);
  },
  stop() { cancelAnimationFrame(this.moving); },

  /** Goes to where all of some pictures are seen. */
  goTo(some) {
    if (!some.length) return;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const i of some) {
      left = Math.min(left, xs[i]); right = Math.max(right, xs[i]);
      top = Math.min(top, ys[i]); bottom = Math.max(bottom, ys[i]);
    }
    const room = this.room();
    const most = Math.max(this.scale, this.fitting().scale * Math.sqrt(n) * 0.5);
    const scale = Math.min(
      0.8 * room.width / (right - left || 1e-6), 0.8 * room.height / (bottom - top || 1e-6), most,
    );
    this.go({
      scale,
      x: (left + right) / 2 - (room.x + room.width / 2 - this.width / 2) / scale,
      y: (top + bottom) / 2 - (room.y + room.height / 2 - this.height / 2) / scale,
    });
  },
};

// --- a grid over the world: what lies in a rectangle --------------------------------------------

const grid = (() => {
  const across = Math.min(Math.max(Math.round(Math.sqrt(n / 6)), 1), 160);
  const cell = value => Math.min(Math.floor(value * across), across - 1);
  const start = new Uint32Array(across * across + 1);
  for (let i = 0; i < n; i++) start[cell(ys[i]) * across + cell(xs[i]) + 1] += 1;
  for (let c = 0; c < across * across; c++) start[c + 1] += start[c];
  const next = start.slice();
  const items = new Uint32Array(n);
  const byImportance = new Uint32Array(n);
  for (let i = 0; i < n; i++) byImportance[importance[i]] = i;
  for (let rank = n - 1; rank >= 0; rank--) { // the most important one last, on top of the others
    const i = byImportance[rank];
    items[next[cell(ys[i]) * across + cell(xs[i])]++] = i;
  }
  return {
    byImportance,
    /** Calls with each picture of all cells that a rectangle touches. */
    within(left, top, right, bottom, then) {
      if (right < 0 || bottom < 0 || left > 1 || top > 1) return;
      const [c0, c1] = [cell(Math.max(left, 0)), cell(Math.max(right, 0))];
      for (let row = cell(Math.max(top, 0)); row <= cell(Math.max(bottom, 0)); row++) {
        const end = start[row * across + c1 + 1];
        for (let at = start[row * across + c0]; at < end; at++) then(items[at]);
      }
    },
  };
})();

// --- room for thumbnails -----------------------------------------------------------------------
// Of each picture shown the largest r such that no more important one lies within r to the left, right, above
// or below: two pictures that are both shown at a scale where r is S pixels are at least S pixels apart.

const reach = new Float32Array(n);

const thin = shown => {
  const finest = 1 / 16384, finer = 2 ** -(1 / 3), size = 1 << 17;
  const heads = new Int32Array(size), next = new Int32Array(n); // lists of what was taken, by cells of r by r
  const held = new Float32Array(n).fill(Infinity); // how near one was found that is in the way: so long it is
  const left = grid.byImportance.filter(i => shown[i]), taken = new Uint32Array(left.length);
  let waiting = left.length, count = 0;
  const key = (column, row) => (Math.imul(column, 73856093) ^ Math.imul(row, 19349663)) & (size - 1);
  const put = (i, cell) => { next[i] = heads[cell]; heads[cell] = i; };
  const inTheWay = (i, r, column, row) => {
    const x = xs[i], y = ys[i];
    for (let j = heads[key(column, row)]; j >= 0; j = next[j]) {
      const distance = Math.max(Math.abs(xs[j] - x), Math.abs(ys[j] - y));
      if (distance < r) { held[i] = distance; return true; }
    }
    return false;
  };
  const blocked = (i, r, c, o) => // its own cell first: most are found there
    inTheWay(i, r, c, o)
    || inTheWay(i, r, c - 1, o) || inTheWay(i, r, c + 1, o) || inTheWay(i, r, c, o - 1) || inTheWay(i, r, c, o + 1)
    || inTheWay(i, r, c - 1, o - 1) || inTheWay(i, r, c + 1, o - 1)
    || inTheWay(i, r, c - 1, o + 1) || inTheWay(i, r, c + 1, o + 1);
  reach.fill(0);
  for (let r = 0.25; waiting && r >= finest; r *= finer) {
    const cell = value => Math.floor(value / r);
    heads.fill(-1);
    for (let k = 0; k < count; k++) put(taken[k], key(cell(xs[taken[k]]), cell(ys[taken[k]])));
    let still = 0;
    for (let k = 0; k < waiting; k++) {
      const i = left[k];
      if (held[i] < r || blocked(i, r, cell(xs[i]), cell(ys[i]))) {
        left[still++] = i;
        continue;
      }
      reach[i] = r;
      taken[count++] = i;
      put(i, key(cell(xs[i]), cell(ys[i])));
    }
    waiting = still;
  }
  for (let k = 0; k < waiting; k++) reach[left[k]] = finest;
};
