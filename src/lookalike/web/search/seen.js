// Pictures that were seen, and answers that were given, so that Back is at once where one was.

import * as api from "../api.js";
import { noPicture, picture as shown, uploaded } from "../pictures.js";
import { nameOf } from "../words.js";

const ANSWERS = 12;
const PICTURES = 20_000;

let memory = null;

/** What was seen of the collection that is shown; numbers are of one collection. */
export function seenOf(app) {
  const place = app.link("search");
  if (memory?.place !== place) memory = new Seen(place, app.uploads);
  return memory;
}

class Seen {
  constructor(place, uploads) {
    Object.assign(this, { place, uploads, pictures: new Map(), answers: new Map(), models: null });
  }

  /** Remember pictures. */
  add(pictures) {
    for (const one of pictures) {
      if (one.similarity === undefined || !this.pictures.has(one.id)) this.pictures.set(one.id, one);
    }
    for (const id of this.pictures.keys()) {
      if (this.pictures.size <= PICTURES) break;
      this.pictures.delete(id);
    }
  }

  /** Remember an answer. */
  keep(key, answer) {
    this.answers.set(key, answer);
    if (this.answers.size > ANSWERS) this.answers.delete(this.answers.keys().next().value);
  }

  /** A picture of the collection; null when it has none of this number. */
  async picture(id) {
    if (!this.pictures.has(id)) {
      try {
        this.pictures.set(id, await api.get(`/v1/pictures/${id}`));
      } catch (error) {
        if (error.status !== 404 && error.status !== 422) throw error;
        this.pictures.set(id, null);
      }
    }
    return this.pictures.get(id);
  }

  /** What a name in the address stands for, {element, name, id}; null when it has to be asked for. */
  at(name, width) {
    if (this.uploads.isUpload(name)) {
      const upload = this.uploads.get(name);
      if (upload) return { element: uploaded(upload, upload.title), name: upload.title };
      return { element: noPicture("not in this window"), name: "A picture of yours" };
    }
    const found = this.pictures.get(Number(name));
    if (found === undefined) return null;
    if (!found) return { element: noPicture("not in the collection"), name: `#${name}` };
    return { element: shown(found, width, { lazy: false, alt: nameOf(found) }), name: nameOf(found), id: found.id };
  }

  /** The same, asked for where it has to be. */
  async image(name, width) {
    if (!this.uploads.isUpload(name)) await this.picture(Number(name));
    return this.at(name, width);
  }

  /** The models that pictures have vectors of. */
  async modelsThere() {
    this.models ??= (await api.get("/v1/info")).models;
    return this.models;
  }
}
