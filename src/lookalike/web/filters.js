// The language of `where`, as far as the page writes it: conditions on columns joined by "and". What it does not
// know stays as it was written, so that any filter of docs/filters.md can be typed.

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;
const WORDS = new Set(["and", "or", "not", "in", "contains", "matches", "true", "false", "null"]);
const NAME = "(`(?:[^`]|``)+`|[A-Za-z_][A-Za-z0-9_]*)";
const TEXT = '"(?:[^"\\\\]|\\\\.)*"';
const VALUE = `(${TEXT}|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false)`;

/** A column's name as the language writes it. */
export function column(name) {
  return PLAIN.test(name) && !WORDS.has(name.toLowerCase()) ? name : `\`${name.replaceAll("`", "``")}\``;
}

/** A value as the language writes it. */
export function literal(value) {
  if (typeof value !== "string") return String(value);
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

const named = (text) => (text.startsWith("`") ? text.slice(1, -1).replaceAll("``", "`") : text);

function valued(text) {
  if (text === "true" || text === "false") return text === "true";
  if (!text.startsWith('"')) return Number(text);
  return text.slice(1, -1).replace(/\\(.)/g, (_, c) => ({ n: "\n", r: "\r", t: "\t" })[c] ?? c);
}

/**
 * What a filter says of each column.
 *
 * @typedef {{is?: any[], least?: number, most?: number, contains?: string}} Choice
 *   `is`: equal to one of these (`true` and `false` for yes and no); or from `least` to `most`; or text in it.
 * @param {string} text
 * @param {Set<string>} truths the columns that are yes or no: of another one, `name` alone says that it is not empty.
 * @returns {{choices: Map<string, Choice>, rest: string[]}} `rest`: conditions in other forms, as written.
 */
export function parse(text, truths) {
  const choices = new Map();
  const rest = [];
  for (const part of conditions(text)) {
    const known = condition(part, truths);
    if (!known || !merge(choices, ...known)) rest.push(part);
  }
  return { choices, rest };
}

function condition(part, truths) {
  const matched = (pattern) => part.match(new RegExp(`^${pattern}$`));
  let found;
  if ((found = matched(NAME)) && truths.has(named(found[1]))) return [named(found[1]), { is: [true] }];
  if ((found = matched(`${NAME} == ${VALUE}`))) {
    const value = valued(found[2]);
    return value === true && !truths.has(named(found[1])) ? null : [named(found[1]), { is: [value] }];
  }
  if ((found = matched(`${NAME} in \\((${VALUE}(?:, ?${VALUE})*)\\)`))) {
    return [named(found[1]), { is: found[2].match(new RegExp(VALUE, "g")).map(valued) }];
  }
  if ((found = matched(`${NAME} >= ${VALUE}`)) && !found[2].startsWith('"')) return [named(found[1]), { least: Number(found[2]) }];
  if ((found = matched(`${NAME} <= ${VALUE}`)) && !found[2].startsWith('"')) return [named(found[1]), { most: Number(found[2]) }];
  if ((found = matched(`${NAME} contains (${TEXT})`))) return [named(found[1]), { contains: valued(found[2]) }];
  return null;
}

function merge(choices, name, choice) {
  const before = choices.get(name);
  const isRange = (one) => "least" in one || "most" in one;
  if (before && !(isRange(before) && isRange(choice) && !Object.keys(choice).some((key) => key in before))) return false;
  choices.set(name, { ...before, ...choice });
  return true;
}

/** The conditions that "and" joins outside of quotes and parentheses; one with "or" there is a whole. */
function conditions(text) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`]|``)*`|[([]|[)\]]|\b(?:and|or)\b/gi)) {
    const [token] = found;
    if ("([".includes(token)) depth += 1;
    else if (")]".includes(token)) depth -= 1;
    else if (depth === 0 && token.toLowerCase() === "or") return [text.trim()].filter(Boolean);
    else if (depth === 0 && token.toLowerCase() === "and") {
      parts.push(text.slice(start, found.index));
      start = found.index + token.length;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim()).filter(Boolean);
}

/** The filter that says this; see `parse`. */
export function format({ choices, rest }) {
  const parts = [];
  for (const [name, { is, least, most, contains }] of choices) {
    const as = column(name);
    if (is?.length === 1 && is[0] === true) parts.push(as);
    else if (is?.length === 1) parts.push(`${as} == ${literal(is[0])}`);
    else if (is?.length) parts.push(`${as} in (${is.map(literal).join(", ")})`);
    if (least !== undefined) parts.push(`${as} >= ${least}`);
    if (most !== undefined) parts.push(`${as} <= ${most}`);
    if (contains) parts.push(`${as} contains ${literal(contains)}`);
  }
  const others = rest.map((part) => (rest.length + parts.length > 1 && conditions(part).length === 1 && /\bor\b/i.test(part) && !wrapped(part) ? `(${part})` : part));
  return [...parts, ...others].join(" and ");
}

const wrapped = (part) => part.startsWith("(") && part.endsWith(")");

/** The same without what it says of one column. */
export function without({ choices, rest }, name) {
  return { choices: new Map([...choices].filter(([column]) => column !== name)), rest };
}
