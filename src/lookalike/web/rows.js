// Pictures side by side in rows as wide as the page, each in its own shape.

const NARROWEST = 0.5;
const WIDEST = 2.4;

/** How wide a picture is drawn for its height: its own shape, as far as a row can bear that. */
export function shapeOf({ width, height }) {
  return Math.min(WIDEST, Math.max(NARROWEST, width && height ? width / height : 1));
}

/**
 * Rows whose heights differ as little as can be from what is wanted.
 * @param {number[]} shapes of the pictures, each its width for a height of 1.
 * @param {{width: number, gap: number, wanted: number, ends: boolean}} room in pixels; `ends`: nothing comes after
 *   these, so that the last row may stay short.
 * @returns {{first: number, height: number, widths: number[]}[]}
 */
export function rowsOf(shapes, { width, gap, wanted, ends }) {
  // The least cost of all ways to break the pictures before each place, as Knuth and Plass break lines.
  const ways = [{ cost: 0, start: 0, height: wanted }];
  for (let end = 1; end <= shapes.length; end += 1) {
    ways[end] = { cost: Infinity };
    let sum = 0;
    for (let start = end - 1; start >= 0; start -= 1) {
      sum += shapes[start];
      const full = (width - gap * (end - start - 1)) / sum;
      const isShort = ends && end === shapes.length && full > wanted;
      const cost = ways[start].cost + (isShort ? 0 : Math.log(Math.max(full, 1) / wanted) ** 2);
      if (cost < ways[end].cost) ways[end] = { cost, start, height: isShort ? wanted : full };
      if (full < wanted / 2) break;
    }
  }
  const rows = [];
  for (let end = shapes.length; end > 0; end = ways[end].start) {
    const { start, height } = ways[end];
    rows.unshift({ first: start, height, widths: shapes.slice(start, end).map((shape) => shape * height) });
  }
  return rows;
}
