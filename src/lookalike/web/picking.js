// Ways a picture comes to the page: chosen, dropped, pasted, taken.

import { h, icon } from "./dom.js";
import { size } from "./words.js";

/** Ask for files. @returns {Promise<File[]>} none when nothing was chosen. */
export function choose({ several = true, camera = false } = {}) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept: "image/*,.heic,.heif,.avif", multiple: several, capture: camera ? "environment" : null, class: "spoken", tabindex: -1, "aria-label": "Pictures" });
    input.addEventListener("change", () => {
      resolve([...input.files]);
      input.remove();
    });
    input.addEventListener("cancel", () => {
      resolve([]);
      input.remove();
    });
    document.body.append(input); // some browsers forget inputs that are nowhere
    input.click();
  });
}

/** Those of some files that can be a picture; the others are told of. */
export function pictures(files, app) {
  const most = app.session.max_picture_bytes;
  return [...files].filter((file) => {
    if (file.type && !file.type.startsWith("image/")) app.notify(`${file.name || "This"} is not a picture.`);
    else if (file.size > most) app.notify(`${file.name || "This picture"} has ${size(file.size)}; this server takes ${size(most)} at most.`);
    else return true;
    return false;
  });
}

/**
 * Take a picture with the camera; where the page may not use it, the system's own way of taking one.
 * @returns {Promise<File[]>} none when it was left.
 */
export async function take(app) {
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch {
    // No camera, no permission, or no https: `mediaDevices` is not even there then.
    return choose({ several: false, camera: true });
  }
  return new Promise((resolve) => {
    const video = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": "What the camera sees" });
    video.muted = true;
    video.srcObject = stream;
    const dialog = h(
      "dialog.camera",
      { "aria-label": "Camera" },
      video,
      h(
        "div.actions",
        null,
        h("button.secondary", { type: "button", on: { click: () => dialog.close() } }, "Cancel"),
        h("button.primary", { type: "button", autofocus: true, on: { click: shoot } }, icon("camera"), "Take the picture"),
      ),
    );
    let taken = [];

    async function shoot() {
      const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
      if (blob) taken = [new File([blob], "camera.jpg", { type: "image/jpeg" })];
      else app.notify("The camera gave no picture.");
      dialog.close();
    }

    dialog.addEventListener("close", () => {
      for (const track of stream.getTracks()) track.stop();
      dialog.remove();
      resolve(taken);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Let pictures be dropped anywhere on the page, and pasted.
 * @param {Object} app
 * @param {() => {name: string, text: string, icon: string}[]} zones where they can be dropped at the moment; what is
 *   pasted goes to the first one.
 * @param {(files: File[], zone: string) => void} got
 * @returns {function} that ends it.
 */
export function dropping(app, zones, got) {
  let veil = null;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

  function enter(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (veil) return;
    veil = h(
      "div.veil",
      { "aria-hidden": "true" },
      zones().map(({ name, text, icon: symbol }) => h("div.zone", { "data-zone": name }, icon(symbol), h("span", null, text))),
    );
    document.body.append(veil);
  }

  function over(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    const at = event.target.closest?.(".zone");
    for (const zone of veil?.children ?? []) zone.classList.toggle("over", zone === at);
  }

  function left(event) {
    if (veil && !event.relatedTarget) end();
  }

  function dropped(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const zone = event.target.closest?.(".zone")?.dataset.zone ?? zones()[0].name;
    end();
    give(event.dataTransfer.files, zone);
  }

  function pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    give(files, zones()[0].name);
  }

  function give(files, zone) {
    const good = pictures(files, app);
    if (good.length) got(good, zone);
  }

  function end() {
    veil?.remove();
    veil = null;
  }

  const listeners = [["dragenter", enter], ["dragover", over], ["dragleave", left], ["drop", dropped], ["paste", pasted]];
  for (const [event, listener] of listeners) document.addEventListener(event, listener);
  return () => {
    end();
    for (const [event, listener] of listeners) document.removeEventListener(event, listener);
  };
}
