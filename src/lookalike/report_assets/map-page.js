// The map as a page of its own: all that it needs is in the document.

{
  const find = id => document.getElementById(id);
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  // For tests and the curious: what the map does.
  globalThis.lookalikeMap = pictureMap({
    find,
    root: document.documentElement,
    mayChooseTheme: true,
    raw: JSON.parse(find("map-data").textContent),
    sheet: async key => new Blob([bytes(find(`sheet-${key}`).textContent)], { type: "image/jpeg" }),
    thumbnails: null,
    read: () => location.hash.slice(1),
    write(state) {
      try {
        history.replaceState(null, "", `#${state}`);
      } catch { /* some browsers allow only so many changes a minute */ }
    },
    follow: then => addEventListener("hashchange", then),
    acts: () => ({}),
    actsOfAll: () => ({}),
    signal: new AbortController().signal,
  });
}
