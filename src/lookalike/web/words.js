// Numbers, sizes and names in words; the same everywhere.

const whole = new Intl.NumberFormat("en");
const few = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

/** 12345 -> "12,345" */
export const number = (value) => whole.format(value);

/** "1 picture", "2,000 pictures" */
export const count = (n, one, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`;

/** Bytes -> "2.4 MB" */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; bytes >= 1000 && at < units.length - 1; at += 1) bytes /= 1000;
  return `${bytes < 10 && at ? bytes.toFixed(1) : whole.format(Math.round(bytes))} ${units[at]}`;
}

/** A similarity, a cosine in [-1, 1] -> "0.89"; "1.00" only where all is the same. */
export const similarity = (value) => (value < 0.9995 ? Math.min(value, 0.99) : 1).toFixed(2).replace("-0.00", "0.00");

/** How likely what is so similar is the same thing, by a collection's calibration; null without one. */
export const chanceOf = (value, calibration) => (calibration ? 1 / (1 + Math.exp(-(calibration.slope * value + calibration.intercept))) : null);

/** A probability in [0, 1] -> "97 %"; never 0 % or 100 % of what is not certain. */
export function percent(value) {
  if (value > 0.995 && value < 1) return "> 99 %";
  if (value < 0.005 && value > 0) return "< 1 %";
  return `${Math.round(value * 100)} %`;
}

/** What somebody says, as a sentence. */
export function sentence(text) {
  const [message] = text.trim().split("\n");
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!…]$/.test(message) ? "" : "."}`;
}

/** What the server says there is not yet, "there is no map yet: `lookalike map map.html` lays …", as a title, and the
 *  command that makes it. */
export function lacking(message) {
  const [what, command] = message.split(/: `|`/);
  return { what: sentence(what).slice(0, -1), command };
}

/** A value of metadata, for people; `decimals`: of its numbers, null for as many as it takes, two at most. */
export function shown(value, decimals = null) {
  if (value === null || value === undefined) return "–";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (typeof value !== "number") return String(value);
  if (!decimals) return few.format(value);
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** The last part of a path. */
export const fileName = (path) => path.split("/").pop() || path;

/** What a picture is called: its name in the metadata, else its file's. */
export function nameOf(picture) {
  const { name, title } = picture.metadata ?? {};
  const given = typeof name === "string" && name ? name : title;
  return typeof given === "string" && given ? given : fileName(picture.path);
}
