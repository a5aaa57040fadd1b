"use strict";
// What the page knows: arrays unpacked, texts by position, thumbnails decoded when they are needed.

const find = id => document.getElementById(id);
const many = number => number.toLocaleString("en");
const bytesOf = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const unpacked = ({ type, data }) => new globalThis[type](bytesOf(data).buffer);

const raw = JSON.parse(find("map-data").textContent);
const n = raw.count;
const ids = unpacked(raw.ids);
const importance = unpacked(raw.importance);
const each = raw.each;
const neighbours = unpacked(raw.neighbours);
const similarities = unpacked(raw.similarities);
const pixels = unpacked(raw.shapes);
const folderOf = unpacked(raw.paths.folder);

/** Places in the world, which is 1 wide or high, whichever is more; y downwards. */
const xs = new Float32Array(n), ys = new Float32Array(n);
{
  const places = unpacked(raw.places);
  for (let i = 0; i < n; i++) {
    xs[i] = places[2 * i] / 65535;
    ys[i] = places[2 * i + 1] / 65535;
  }
}
const [worldWidth, worldHeight] = raw.size;

const columns = raw.columns.map(column => column.numbers
  ? { ...column, numbers: unpacked(column.numbers) }
  : {
    ...column,
    codes: unpacked(column.codes),
    counts: null,
    spots: column.spots.map(([x, y]) => [x / 65535, y / 65535]),
  });
for (const column of columns.filter(column => column.codes)) {
  column.counts = new Uint32Array(column.values.length + 1);
  for (const code of column.codes) column.counts[code] += 1;
}

/** Text with halves of broken file names replaced, which cannot be shown. */
const shown = text => text.replace(/\p{Surrogate}/gu, "\ufffd");
const nameOf = i => shown(raw.paths.names[i]);
const pathOf = i => raw.paths.folders[folderOf[i]] + raw.paths.names[i];

/** A column's value for a picture, in words; empty when nothing is known. */
const valueOf = (column, i) => column.numbers
  ? (Number.isNaN(column.numbers[i]) ? "" : String(Number(column.numbers[i].toPrecision(6))))
  : (column.codes[i] ? column.values[column.codes[i] - 1] : "");

/** Of a picture its neighbours, most similar first: [position, similarity in percent]. */
const near = i => {
  const found = [];
  for (let k = i * each; k < (i + 1) * each; k++) {
    if (neighbours[k] >= 0) found.push([neighbours[k], similarities[k]]);
  }
  return found;
};

// --- thumbnails -------------------------------------------------------------------------------

const sheets = raw.sheets.map((level, number) => ({
  ...level, number, cells: unpacked(level.cells), shapes: unpacked(level.shapes),
}));

/** Decodes sheets when they are asked for, a few at a time, and forgets those not used for longest. */
const atlas = {
  limit: 48, // decoded sheets: of 1,024 pixels each, 200 MB
  ready: new Map(),
  waiting: new Set(),
  arrived: () => {},

  sheet(level, number) {
    const key = `${level}-${number}`;
    const found = this.ready.get(key);
    if (found) {
      this.ready.delete(key);
      this.ready.set(key, found);
      return found;
    }
    if (!this.waiting.has(key) && this.waiting.size < 6) this.load(key);
    return null;
  },

  async load(key) {
    this.waiting.add(key);
    try {
      const blob = new Blob([bytesOf(find(`sheet-${key}`).textContent)], { type: "image/jpeg" });
      this.ready.set(key, await createImageBitmap(blob));
      while (this.ready.size > this.limit) {
        const [oldest, bitmap] = this.ready.entries().next().value;
        bitmap.close();
        this.ready.delete(oldest);
      }
    } finally {
      this.waiting.delete(key);
      this.arrived();
    }
  },

  /** Where a picture's thumbnail is: its sheet decoded and the place in it, null while there is none. */
  thumbnail(i, size) {
    const fine = sheets.filter(level => level.cells[i] >= 0);
    if (!fine.length) return null;
    const best = fine.find(level => level.side * 1.2 >= size) ?? fine[fine.length - 1];
    return this.placed(i, best) ?? fine.filter(level => level !== best).reduce(
      (found, level) => found ?? (this.ready.has(`${level.number}-${this.home(i, level)}`) ? this.placed(i, level) : null),
      null,
    );
  },

  home: (i, level) => Math.floor(level.cells[i] / level.across ** 2),

  placed(i, level) {
    const sheet = this.sheet(level.number, this.home(i, level));
    if (!sheet) return null;
    const cell = level.cells[i] % level.across ** 2;
    const [width, height] = [level.shapes[2 * i], level.shapes[2 * i + 1]];
    return {
      sheet, width, height,
      x: (cell % level.across) * level.side, y: Math.floor(cell / level.across) * level.side,
    };
  },
};

const pictured = i => sheets.some(level => level.cells[i] >= 0);
