// What may become of a plan when a person decides otherwise.

const CLOSEST_FIRST = ["exact", "pixels", "near", "edited", "burst"];

/** Whether a file lies in one of the folders from which a plan may remove. */
export const mayGo = (plan, path) => plan.roots.some(root => path.startsWith(root.replace(/\/$/, "") + "/"));

/**
 * Whether a copy may stay in place of the picture kept, and let that one and the others go: it shows all that the one
 * kept shows, by its kind and its share of it, and nothing speaks against it, such as writing or other colours.
 */
export const standsIn = ({ kind, overlap, doubt }) =>
  !doubt && kind !== "burst" && (kind !== "edited" || (overlap ?? 0) >= 0.95);

/**
 * A group of a plan with another picture kept: its copy of this number. How the others are like that one follows from
 * how both are like the one that was to be kept.
 */
export const withKeeper = (entry, number) => {
  const picture = entry.copies[number];
  const among = copy => {
    const same = copy.sha256 === picture.sha256;
    const kind = CLOSEST_FIRST[Math.max(CLOSEST_FIRST.indexOf(copy.kind), CLOSEST_FIRST.indexOf(picture.kind))];
    const doubt = copy.remove ? null : "it was compared with the picture that was to be kept";
    return { ...copy, kind: same ? "exact" : kind, probability: same ? 1 : copy.probability * picture.probability, doubt };
  };
  const { path, sha256, bytes, width, height, kind, probability } = picture;
  const former = { ...entry.keep, kind, probability, remove: false, doubt: null };
  const others = entry.copies.filter(copy => copy !== picture).map(among);
  return { keep: { path, sha256, bytes, width, height }, reason: "chosen on the review page", copies: [former, ...others] };
};
