// Pictures a person has chosen, dropped, pasted or taken. They stay in this window's memory: an address can name
// one ("u-3f2a…"), so Back and Forward find it, but it cannot hold it. After the page is loaded anew it is gone,
// and the page says so.

const kept = new Map();

/** Whether a name in an address is that of an upload (known or not), and not an indexed picture's number. */
const isUpload = (name) => /^u-[0-9a-f]{16}$/.test(name ?? "");

export const uploads = {
  isUpload,

  /**
   * Keep a file.
   * @param {Blob} file
   * @returns {Promise<string>} its name, the same for the same bytes.
   */
  async add(file) {
    const name = `u-${await digest(file)}`;
    if (!kept.has(name)) kept.set(name, { name, file, title: file.name || "picture", url: URL.createObjectURL(file) });
    return name;
  },

  /** {name, file, title, url: for <img src>}; undefined when this window does not have it. */
  get: (name) => kept.get(name),
};

async function digest(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  // `crypto.subtle` is only there over https and on this machine; a plain hash does for a name.
  if (globalThis.crypto?.subtle) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 8);
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  let [a, b] = [0x811c9dc5, 0x1000193];
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13);
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
