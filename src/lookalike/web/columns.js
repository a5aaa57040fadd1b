// What the columns of the metadata are, whatever is filtered: their kinds, how many different values they have, and
// with how many decimals their numbers are written.

import * as api from "./api.js";
import { shown } from "./words.js";

const LISTED = 60; // values of a column that are asked for
const DECIMALS = 2; // of numbers that look like money

let kept = null; // {place, asked: promise}

const flying = new Map(); // what all of the page's parts ask for at once is asked for once

/** Facets of pictures that a filter lets through; `column`: of this one only. */
export function facetsOf(where, { column, signal } = {}) {
  if (where || column) return api.get("/v1/facets", { column, where, values: LISTED }, { signal });
  const key = api.url("/v1/facets");
  if (!flying.has(key)) flying.set(key, api.get("/v1/facets", { values: LISTED }).finally(() => flying.delete(key)));
  return flying.get(key);
}

/** The columns of the collection that is shown, asked for once. */
export function columnsOf(app) {
  const place = app.link("info");
  if (kept?.place !== place) kept = { place, asked: facetsOf("").then(({ facets }) => new Columns(facets)) };
  const mine = kept;
  mine.asked.catch(() => {
    if (kept === mine) kept = null; // the next one asks again
  });
  return mine.asked;
}

/** With how many decimals all numbers of a column are written: where two do for all of them, as for prices, with as
 *  many as one of them needs, 1.30 beside 1.25; else null, each with its own. */
export const decimalsOf = (facet) => (facet && facet.decimals <= DECIMALS ? facet.decimals : null);

/** A value of a column in words. */
export const inWords = (facet, value) => shown(value, decimalsOf(facet));

class Columns {
  constructor(facets) {
    this.facets = new Map(facets.map((facet) => [facet.column, facet]));
  }

  /** What is known of a column; undefined of one that no picture has a value in. */
  of(name) {
    return this.facets.get(name);
  }

  inWords(name, value) {
    return inWords(this.of(name), value);
  }
}

/** Columns of which nothing is known yet. */
export const UNKNOWN = new Columns([]);
