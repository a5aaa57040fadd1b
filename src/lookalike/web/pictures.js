// A picture as an element: asked for when it comes near the window, again when the server was busy, and a drawing
// where there is none.

import { thumbnail } from "./api.js";
import { h, icon } from "./dom.js";

const SIDES = [160, 320, 640, 1024];
const AGAIN = [1500, 4000];

/** A drawing in place of a picture that cannot be shown. */
export const noPicture = (text = "no preview") => h("span.none", null, icon("gone"), h("span", null, text));

/**
 * An indexed picture.
 * @param {{id: number, missing?: boolean, width?: number, height?: number}} picture
 * @param {number} wide in CSS pixels, for choosing how large a thumbnail is needed.
 * @param {{lazy?: boolean, alt?: string}} [options] alt: empty where a name stands beside it.
 */
export function picture(picture, wide, { lazy = true, alt = "" } = {}) {
  if (picture.missing) return noPicture("file is gone");
  const tall = picture.width ? (wide * picture.height) / picture.width : wide;
  const needed = Math.max(wide, tall) * Math.min(2, devicePixelRatio || 1);
  const side = SIDES.find((one) => one >= needed * 0.9) ?? SIDES.at(-1);
  const image = h("img", { alt, loading: lazy ? "lazy" : "eager", decoding: "async", src: thumbnail(picture.id, side) });
  let tries = 0;
  image.addEventListener("load", () => image.classList.add("there"));
  image.addEventListener("error", () => {
    if (tries === AGAIN.length) return image.replaceWith(noPicture());
    setTimeout(() => {
      image.removeAttribute("src");
      image.src = thumbnail(picture.id, side);
    }, AGAIN[tries]);
    tries += 1;
    return undefined;
  });
  return image;
}

/** A picture that a person has chosen; see `uploads.js`. */
export function uploaded(upload, alt = "") {
  const image = h("img.there", { alt, decoding: "async", src: upload.url });
  image.addEventListener("error", () => image.replaceWith(noPicture()));
  return image;
}
