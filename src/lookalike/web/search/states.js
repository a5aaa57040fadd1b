// What stands in place of the pictures when there are none, and why.

import { h } from "../dom.js";
import { sentence, similarity } from "../words.js";

const button = (kind, text, click) => h(`button.${kind}`, { type: "button", on: { click } }, text);

/**
 * Nothing was found.
 * @param {Object} asked
 * @param {(changes) => void} go
 * @returns {Object} what `app.state` takes.
 */
export function nothing(asked, go) {
  const unfiltered = (kind) => button(kind, "Without the filter", () => go({ where: "" }));
  const anyhow = (kind) => button(kind, "However much alike", () => go({ threshold: null }));
  if (asked.where) {
    const isBoth = asked.like && asked.threshold;
    return {
      symbol: "filter",
      title: "No picture matches",
      text: isBoth ? "None that the filter lets through is so much alike." : "There is none that the filter lets through.",
      actions: [unfiltered("primary"), ...(asked.threshold ? [anyhow("secondary")] : [])],
    };
  }
  if (asked.threshold) {
    const least = similarity(asked.threshold);
    return { symbol: "search", title: "Nothing is so much alike", text: `No picture has a similarity of ${least} or more.`, actions: [anyhow("primary")] };
  }
  if (asked.like) return { symbol: "search", title: "There is nothing else in this collection", text: "Add pictures to find what looks alike." };
  const text = h("span", null, "Add some on the command line: ", h("code", null, "lookalike index FOLDER"), ".");
  return { title: "There are no pictures here yet", text };
}

/**
 * The question was refused.
 * @param {Error} error
 * @param {Object} asked
 * @param {{go: (changes) => void, ways: () => Node[], all: string}} given ways: to choose a picture; all: address of
 *   all pictures.
 * @returns {Object|null} what `app.state` takes; null for an error that says nothing about the question.
 */
export function refused({ code, message }, asked, { go, ways, all }) {
  if (code === "upload_gone") {
    return {
      title: "This picture was only in your window",
      text: "A picture you choose is neither kept on the server nor part of the address, so it is gone when the page is loaded anew or opened elsewhere. Choose it again, and the rest is as it was.",
      actions: ways(),
    };
  }
  if (code === "picture") return { symbol: "gone", title: "This picture cannot be used", text: sentence(message), actions: ways() };
  if (code === "filter" || (code === "usage" && asked.where)) {
    const actions = [button("secondary", "Without the filter", () => go({ where: "" }))];
    return { symbol: "filter", title: "This filter cannot be understood", text: h("code.message", null, message), actions };
  }
  if (code === "not_in_collection") {
    return {
      symbol: "gone",
      title: "This picture is not in the collection any more",
      text: "It was removed, or the address is of another collection.",
      actions: [h("a.primary", { href: all }, "All pictures")],
    };
  }
  return null;
}
