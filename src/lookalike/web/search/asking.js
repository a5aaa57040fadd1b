// What is asked of the server, and its answers as the grid takes them: pictures in blocks, of which those that one
// comes near are asked for. A block is {first, size, pictures}: the number of its first picture, how many there are in
// it, as far as that is known, and the pictures, null before they came.

import * as api from "../api.js";
import { chosenModel } from "./address.js";

const FIRST = 60; // results asked for at first, and three times as many each time one comes near the end
const PAGE = 200; // pictures of the collection at a time

/** A file of a form. */
export function formOf({ file, title }) {
  const form = new FormData();
  form.append("picture", file, title);
  return form;
}

/** The question as a form. Throws what has the code "upload_gone" when this window lacks a picture asked with. */
export function question(asked, { uploads }) {
  const form = new FormData();
  const add = (name, file, numbered) => {
    if (!uploads.isUpload(name)) return form.append(numbered, name);
    const upload = uploads.get(name);
    if (!upload) throw Object.assign(new Error("gone"), { code: "upload_gone" });
    return form.append(file, upload.file, upload.title);
  };
  add(asked.like, "picture", "id");
  for (const name of asked.also) add(name, "also", "also_id");
  for (const name of asked.against) add(name, "against", "against_id");
  const { where, threshold, region } = asked;
  const fields = { where, threshold, region: region?.join(","), ...chosenModel(asked) };
  for (const [name, value] of Object.entries(fields)) if (value || value === 0) form.append(name, value);
  return form;
}

/** Results of a search. More of them are a search for more, of which the first ones are known. */
export async function search(asked, app, seen, signal) {
  const form = question(asked, app);
  const most = app.session.max_k;
  const answer = { blocks: [], count: null, load };

  async function fetched(k, stop) {
    form.set("k", k);
    const { results } = await api.post("/v1/search", form, { signal: stop });
    seen.add(results);
    return results;
  }

  function put(block, k, hits) {
    Object.assign(block, { size: hits.length - block.first, pictures: hits.slice(block.first) });
    const next = Math.min(3 * k, most);
    if (hits.length < k || k >= most) answer.count = hits.length;
    else answer.blocks.push({ first: k, size: next - k, pictures: null });
  }

  async function load(block, stop) {
    const k = block.first + block.size;
    put(block, k, await fetched(k, stop));
  }

  const k = Math.min(FIRST, most);
  answer.blocks.push({ first: 0, size: k, pictures: null });
  put(answer.blocks[0], k, await fetched(k, signal));
  return answer;
}

/** Pictures of the collection: how many there are is known from the first ones on. */
export async function browse(asked, seen, signal) {
  const { where } = asked;
  const answer = { blocks: [], count: null, load };

  async function fetched(skip, stop) {
    const found = await api.get("/v1/pictures", { limit: PAGE, skip, where }, { signal: stop });
    seen.add(found.pictures);
    return found;
  }

  async function load(block, stop) {
    block.pictures = (await fetched(block.first, stop)).pictures;
  }

  const { pictures, matching } = await fetched(0, signal);
  answer.count = matching;
  for (let first = 0; first < matching; first += PAGE) {
    answer.blocks.push({ first, size: Math.min(PAGE, matching - first), pictures: first ? null : pictures });
  }
  return answer;
}

/** Whether there may be more than these. */
export const isOpen = ({ count }) => count === null;

/** How many there are, as far as is known. */
export const known = ({ blocks }) => blocks.reduce((sum, { size, pictures }) => sum + (pictures ? size : 0), 0);
