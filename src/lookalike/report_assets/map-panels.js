// Beside the map: the card of what is pointed at, one picture with its neighbours, and what was selected.

const facts = i => {
  const known = columns.map(column => [column.name, valueOf(column, i)]).filter(([, value]) => value !== "");
  return element("dl", {}, ...known.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
};

/** A picture's thumbnail as an element; drawn when its sheet is there. */
const image = (i, side) => {
  const made = element("canvas", { width: 1, height: 1, className: "image" });
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", pictured(i) ? nameOf(i) : `${nameOf(i)}: no preview`);
  const paint = () => {
    const found = atlas.thumbnail(i, side);
    if (!found) return false;
    made.width = found.width;
    made.height = found.height;
    made.getContext("2d").drawImage(
      found.sheet, found.x, found.y, found.width, found.height, 0, 0, found.width, found.height,
    );
    made.classList.add("painted");
    return atlas.settled(i, side, found);
  };
  if (!pictured(i)) made.classList.add("without");
  else if (!paint()) unpainted.push({ made, paint });
  return made;
};

let unpainted = [];

atlas.arrived = () => {
  unpainted = unpainted.filter(({ made, paint }) => made.isConnected && !paint());
  draw.soon();
};

const said = text => {
  find("hint").textContent = text;
  find("hint").classList.add("on");
  clearTimeout(said.timer);
  said.timer = setTimeout(() => find("hint").classList.remove("on"), 3200);
};

const copy = async text => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed, as in pages opened as files by some browsers: the old way
    const area = element("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};

/** A text as bytes, in which names that are no UTF-8 are as the system has them (Python's surrogateescape). */
const encoded = text => text.split(/(\p{Surrogate})/u).map(part =>
  (/^\p{Surrogate}$/u.test(part) ? Uint8Array.of(part.charCodeAt(0) & 255) : part));

const download = (name, text) => {
  const link = element("a", { href: URL.createObjectURL(new Blob(encoded(text), { type: "text/plain" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

/** Buttons: { what it says: what it does }. */
const doing = acts => element("div", { className: "map-acts" }, ...Object.entries(acts).map(([name, then]) => {
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", then);
  return button;
}));

const panels = {
  focus: null, // the picture that is open
  selected: [], // pictures selected by lasso or otherwise
  place: find("panel"),
  step: -1, // which of the neighbours was gone to last
  origin: null, // whose neighbours these are

  // --- one picture ------------------------------------------------------------------------------------

  open(i, { go = true } = {}) {
    this.focus = i;
    const others = near(i);
    const list = element("ol", { className: "neighbours" }, ...others.map(([other, similarity]) => {
      const button = element(
        "button", { type: "button", title: `${nameOf(other)}: similarity ${similarity}` },
        image(other, 96), element("span", {}, similarity),
      );
      button.addEventListener("click", () => this.open(other));
      return element("li", {}, button);
    }));
    const path = element("p", { className: "path" }, shown(pathOf(i)));
    const acts = {
      ...host.acts(i),
      "Copy path": async () => { await copy(pathOf(i)); said("The path is on the clipboard."); },
    };
    const size = `${pixels[2 * i]} × ${pixels[2 * i + 1]} pixels · id ${ids[i]}`;
    this.fill(
      nameOf(i),
      element("div", { className: "large" }, image(i, 400)),
      facts(i),
      path,
      element("p", { className: "quiet" }, size),
      doing(acts),
      ...(others.length ? [element("h3", {}, "Looks most like it"), list] : []),
    );
    if (go) this.bringIntoView(i);
    draw.soon();
    links.write();
  },

  /** Moves the map as little as it takes until a picture is seen beside the panels. */
  bringIntoView(i) {
    const [x, y] = view.toScreen(xs[i], ys[i]);
    const narrow = view.width < 720, room = view.room();
    const right = narrow ? view.width - 40 : view.width - 400;
    const bottom = narrow ? view.height * 0.34 : view.height - 110;
    const to = [Math.min(Math.max(x, room.x + 40), right), Math.min(Math.max(y, 60), bottom)];
    if (to[0] !== x || to[1] !== y) view.go({ x: view.x + (x - to[0]) / view.scale, y: view.y + (y - to[1]) / view.scale });
  },

  /** Goes to the next or the one before among the neighbours of the picture that was opened by hand. */
  neighbour(by) {
    if (this.focus === null) return;
    if (this.origin === null || !near(this.origin).some(([other]) => other === this.focus)) {
      [this.origin, this.step] = [this.focus, -1];
    }
    const others = near(this.origin);
    if (!others.length) return;
    this.step = (this.step + by + others.length) % others.length;
    this.open(others[this.step][0]);
  },

  // --- several --------------------------------------------------------------------------------------------

  select(some) {
    this.selected = some;
    this.focus = null;
    if (!some.length) return this.close();
    const paths = some.map(pathOf).join("\n") + "\n";
    const acts = {
      ...host.actsOfAll(some),
      "Copy paths": async () => { await copy(paths); said(`${many(some.length)} paths are on the clipboard.`); },
      "Save as text": () => download("selection.txt", paths),
      "Show only these": () => { filter.among = new Set(some); filter.apply(); view.goTo(some); },
      "Zoom to them": () => view.goTo(some),
    };
    const most = 120;
    const grid = element("ol", { className: "picked" }, ...some.slice(0, most).map(i => {
      const button = element("button", { type: "button", title: nameOf(i) }, image(i, 64));
      button.addEventListener("click", () => this.open(i));
      return element("li", {}, button);
    }));
    this.fill(
      `${many(some.length)} selected`,
      doing(acts),
      ...this.shares(some),
      grid,
      ...(some.length > most ? [element("p", { className: "quiet" }, `and ${many(some.length - most)} more`)] : []),
      element("h3", {}, "Paths"),
      element("textarea", { readOnly: true, value: paths, rows: 6, ariaLabel: "Paths of the selected pictures", id: "paths", spellcheck: false }),
    );
    this.clear(some);
    draw.soon();
    links.write();
  },

  /** Moves the map to the left as far as the panel hides a selection, if there is room. */
  clear(some) {
    if (view.width < 720) return;
    const [left, right] = [some.reduce((a, i) => Math.min(a, xs[i]), 1), some.reduce((a, i) => Math.max(a, xs[i]), 0)];
    const hidden = view.toScreen(right, 0)[0] - (view.width - 390);
    const most = view.toScreen(left, 0)[0] - view.room().x;
    if (hidden > 0 && most > 0) view.go({ x: view.x + Math.min(hidden, most) / view.scale });
  },

  /** What the selection is made of, by the column coloured by. */
  shares(some) {
    const { column } = colours;
    if (!column?.codes) return [];
    const counts = new Map();
    for (const i of some) counts.set(column.codes[i], (counts.get(column.codes[i]) ?? 0) + 1);
    const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5);
    return [element("ul", { className: "shares" }, ...top.map(([code, count]) => {
      const bar = element("i");
      bar.style.background = colours.cssOf(code);
      bar.style.width = `${Math.max((100 * count) / some.length, 1.5)}%`;
      const name = code ? column.values[code - 1] : "no value";
      return element("li", {}, element("span", {}, name), element("b", {}, many(count)), bar);
    }))];
  },

  // --- both -------------------------------------------------------------------------------------------------

  fill(title, ...content) {
    const shut = element("button", { type: "button", className: "shut", ariaLabel: "Close", title: "Close (Esc)" }, "✕");
    shut.addEventListener("click", () => { this.close(); canvas.focus(); });
    this.place.replaceChildren(element("header", {}, element("h2", {}, title), shut), ...content);
    this.place.hidden = false;
    this.place.scrollTop = 0;
    card.hide();
  },

  close() {
    this.focus = null;
    this.origin = null;
    this.selected = [];
    this.place.hidden = true;
    draw.soon();
    links.write();
  },
};

// --- the card at the pointer ----------------------------------------------------------------------------------

const card = {
  place: find("card"),
  of: null,

  show(i, px, py) {
    if (i !== this.of) {
      this.of = i;
      const list = facts(i);
      [...list.children].slice(7).forEach(child => child.remove());
      this.place.replaceChildren(image(i, 180), element("b", {}, nameOf(i)), list);
    }
    this.place.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.place;
    const left = px + 18 + width > view.width - 8 ? px - width - 18 : px + 18;
    this.place.style.left = `${Math.max(8, left)}px`;
    this.place.style.top = `${Math.max(8, Math.min(py - 30, view.height - height - 8))}px`;
  },

  hide() {
    this.of = null;
    this.place.hidden = true;
  },
};
