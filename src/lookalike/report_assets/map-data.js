// What the map knows: arrays unpacked, texts by position, thumbnails decoded when they are needed.
//
// All files `map-*.js` together are the body of one function of its host, `pictureMap(host)`, which `reports/map.py`
// puts around them: a page in one file and the server's page call it, each with its own host. A host is
//
//   find(id)         the element of `map.html` with this id.
//   root             whose custom properties are the colours; gets `data-theme`, where the map may choose it.
//   mayChooseTheme   whether it may.
//   raw              what `reports/map_data.py` makes of the pictures.
//   sheet(key)       of thumbnails, a promise of a blob.
//   thumbnails       in place of sheets: an object like `atlas` below; null for none.
//   read(), write(state), follow(then)   the state as text; `then` is called when it has changed from outside.
//   acts(i), actsOfAll(some)             more buttons for pictures that are open or selected: { name: function }.
//   signal           an AbortSignal that ends it.

const { find, raw } = host;
const many = number => number.toLocaleString("en");
const bytesOf = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const unpacked = ({ type, data }) => new globalThis[type](bytesOf(data).buffer);

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

/** Of a picture its neighbours, most similar first: [position, similarity such as "0.87"]. */
const near = i => {
  const found = [];
  for (let k = i * each; k < (i + 1) * each; k++) {
    if (neighbours[k] >= 0) found.push([neighbours[k], (similarities[k] / 100).toFixed(2)]);
  }
  return found;
};

// --- thumbnails -------------------------------------------------------------------------------

const sheets = raw.sheets.map((level, number) => ({
  ...level, number, cells: unpacked(level.cells), shapes: unpacked(level.shapes),
}));

/** Decodes sheets when they are asked for, a few at a time, and forgets those not used for longest. */
const atlas = host.thumbnails ?? {
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
      this.ready.set(key, await createImageBitmap(await host.sheet(key)));
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

  /** Whether what was found for a size is as good as it gets. */
  settled(i, size, { width, height }) {
    const best = sheets.filter(level => level.cells[i] >= 0).find(level => level.side * 1.2 >= size);
    return !best || Math.max(width, height) >= best.side;
  },

  has: i => sheets.some(level => level.cells[i] >= 0),

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

const pictured = i => atlas.has(i);
