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

/** A similarity, a cosine in [-1, 1] -> "0.894" */
export const similarity = (value) => value.toFixed(3);

/** A probability in [0, 1] -> "97 %"; never 0 % or 100 % of what is not certain. */
export function percent(value) {
  if (value > 0.995 && value < 1) return "> 99 %";
  if (value < 0.005 && value > 0) return "< 1 %";
  return `${Math.round(value * 100)} %`;
}

/** A value of metadata, for people. */
export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (value === true) return "yes";
  if (value === false) return "no";
  return typeof value === "number" ? few.format(value) : String(value);
}

/** The last part of a path. */
export const fileName = (path) => path.split("/").pop() || path;

/** What a picture is called: its name in the metadata, else its file's. */
export function nameOf(picture) {
  const { name, title } = picture.metadata ?? {};
  const given = typeof name === "string" && name ? name : title;
  return typeof given === "string" && given ? given : fileName(picture.path);
}
