// What is asked, and the address that says it; see `views/search.js`.

const LONGEST_TRAIL = 12;

/** What an address asks for. */
export function read(params) {
  const text = (name) => params.get(name) ?? "";
  const region = text("region").split(",").map(Number);
  const isRegion = region.length === 4 && region.every((share) => share >= 0 && share <= 1);
  return {
    like: text("like"),
    also: params.getAll("also"),
    against: params.getAll("against"),
    region: isRegion ? region : null,
    where: text("where"),
    threshold: params.has("threshold") ? Number(text("threshold")) : null,
    model: text("model"),
    output: text("output"),
    runtime: text("runtime"),
    show: Number(text("show")) || null,
    trail: text("trail").split(" ").filter(Boolean),
  };
}

/** What an address takes to ask for this. */
export function written(asked) {
  return { ...asked, region: asked.region?.join(","), trail: trailOf(asked).join(" ") };
}

/** What was asked before, oldest first, as far as it is shown. */
export const trailOf = (asked) => asked.trail.slice(-LONGEST_TRAIL);

/** The way here, with what is asked now at its end. */
export const onwards = ({ like, trail }) => (like && trail.at(-1) !== like ? [...trail, like] : trail);

/** Whether one picture is asked with: probabilities are about that. */
export const isSingle = ({ also, against }) => also.length + against.length === 0;

/** Whose vectors are compared. */
export const chosenModel = ({ model, output, runtime }) => ({ model, output, runtime });

/** Whether two addresses show the same but for the picture that is open. */
export function sameBut(one, other) {
  const rest = ({ show, trail, ...others }) => JSON.stringify([others, String(trail)]);
  return rest(one) === rest(other);
}
