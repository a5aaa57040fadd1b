// What is done with mouse, fingers and keys, and the state in the address.

const pointing = { at: null }; // the picture pointed at

const lasso = {
  on: false, // the tool is chosen
  path: [], // points of the canvas while it is drawn

  toggle(on = !this.on) {
    this.on = on;
    find("lasso").setAttribute("aria-pressed", String(on));
    canvas.classList.toggle("lassoing", on);
    if (on) said("Draw around pictures to select them.");
  },

  /** Selects what lies within the path. */
  close() {
    const path = this.path.map(([x, y]) => view.toWorld(x, y));
    this.path = [];
    this.toggle(false);
    if (path.length > 2) panels.select(inside(path));
    draw.soon();
  },
};

/** The pictures shown within a polygon of the world. */
const inside = path => {
  const [us, vs] = [path.map(([u]) => u), path.map(([, v]) => v)];
  const found = [];
  grid.within(Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs), i => {
    if (!filter.shown[i]) return;
    let odd = false;
    for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
      if (vs[a] > ys[i] !== vs[b] > ys[i]
        && xs[i] < ((us[b] - us[a]) * (ys[i] - vs[a])) / (vs[b] - vs[a]) + us[a]) odd = !odd;
    }
    if (odd) found.push(i);
  });
  return found.sort((a, b) => a - b);
};

const selectInView = () => {
  const room = view.room();
  const [left, top] = view.toWorld(Math.max(room.x - 28, 0), 0);
  const [right, bottom] = view.toWorld(view.width, view.height);
  panels.select(inside([[left, top], [right, top], [right, bottom], [left, bottom]]));
};

// --- mouse and fingers -------------------------------------------------------------------------------

const pointers = new Map();
let pressed = null; // where the first finger or button went down: { x, y, moved }
let spread = null; // of two fingers: how far apart, and where their middle is

const pinch = () => {
  const [a, b] = [...pointers.values()];
  return { far: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
};

canvas.addEventListener("pointerdown", event => {
  if (event.button > 1) return;
  canvas.setPointerCapture(event.pointerId);
  view.stop();
  pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  if (pointers.size === 2) {
    spread = pinch();
    lasso.path = [];
    pressed = null;
  } else if (pointers.size === 1) {
    pressed = { x: event.offsetX, y: event.offsetY, moved: false };
    if (lasso.on || event.shiftKey) lasso.path = [[event.offsetX, event.offsetY]];
  }
});

canvas.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before) return hover(event);
  const here = { x: event.offsetX, y: event.offsetY };
  pointers.set(event.pointerId, here);
  if (pointers.size === 2 && spread) {
    const now = pinch();
    view.pan(now.x - spread.x, now.y - spread.y);
    view.zoomAt(now.far / (spread.far || 1), now.x, now.y);
    spread = now;
  } else if (pressed) {
    pressed.moved ||= Math.hypot(here.x - pressed.x, here.y - pressed.y) > 5;
    if (lasso.path.length) {
      lasso.path.push([here.x, here.y]);
      draw.soon();
    } else if (pressed.moved) {
      canvas.classList.add("dragging");
      card.hide();
      view.pan(here.x - before.x, here.y - before.y);
    }
  }
});

const released = event => {
  if (!pointers.delete(event.pointerId)) return;
  canvas.classList.remove("dragging");
  spread = null;
  if (lasso.path.length) {
    if (event.type === "pointerup" && pressed?.moved) lasso.close();
    lasso.path = [];
  } else if (pressed && !pressed.moved && event.type === "pointerup") {
    const i = draw.hit(event.offsetX, event.offsetY, event.pointerType === "mouse" ? 9 : 18);
    if (i !== null) { panels.origin = null; panels.open(i, { go: view.width < 720 }); } else panels.close();
  }
  if (!pointers.size) pressed = null;
  links.soon();
};
canvas.addEventListener("pointerup", released);
canvas.addEventListener("pointercancel", released);

const point = i => {
  if (i === pointing.at) return;
  pointing.at = i;
  canvas.classList.toggle("over", i !== null);
  draw.soon();
};

const hover = event => {
  if (event.pointerType === "touch" || lasso.on) return;
  const i = draw.hit(event.offsetX, event.offsetY);
  point(i);
  if (i === null) card.hide();
  else card.show(i, event.offsetX, event.offsetY);
};
canvas.addEventListener("pointerleave", () => { point(null); card.hide(); });

canvas.addEventListener("wheel", event => {
  event.preventDefault();
  view.stop();
  const lines = event.deltaMode === 1 ? 32 : 1;
  // With Ctrl it is a pinch on a touchpad, which has smaller steps.
  const by = Math.min(Math.max(event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0022), -0.7), 0.7);
  view.zoomAt(Math.exp(-by), event.offsetX, event.offsetY);
  hover(event);
  links.soon();
}, { passive: false });

canvas.addEventListener("dblclick", event => {
  const [x, y] = view.toWorld(event.offsetX, event.offsetY);
  const scale = Math.min(view.scale * 2.2, view.most), share = 1 - view.scale / scale;
  view.go({ scale, x: view.x + (x - view.x) * share, y: view.y + (y - view.y) * share });
  links.soon();
});

// --- buttons and keys ------------------------------------------------------------------------------------

const zoomBy = factor => { view.go({ scale: Math.min(Math.max(view.scale * factor, view.least), view.most) }, 200); links.soon(); };
const showWhole = () => { view.go(view.fitting()); links.soon(); };
const switchTheme = () => {
  if (!host.mayChooseTheme) return;
  theme.chosen = theme.name === "dark" ? "light" : "dark";
  repaint();
  links.write();
};
const showKeys = () => find("help").showModal();

const openMiddle = () => {
  const room = view.room();
  const i = draw.hit(room.x + room.width / 2, room.y + room.height / 2, Math.max(view.width, view.height));
  if (i !== null) { panels.origin = null; panels.open(i); }
};

/** One thing is put away at each press, what came last first. */
const escape = () => {
  if (lasso.on || lasso.path.length) { lasso.path = []; lasso.toggle(false); draw.soon(); }
  else if (!find("panel").hidden) { panels.close(); canvas.focus(); }
  else if (sheet.open) sheet.toggle(false);
  else if (filter.active) { filter.clear(); legend.show(); canvas.focus(); links.write(); }
  else { card.hide(); showWhole(); }
};

const buttons = {
  closer: () => zoomBy(1.6), farther: () => zoomBy(1 / 1.6), whole: showWhole,
  lasso: () => lasso.toggle(), inview: selectInView, theme: switchTheme, keys: showKeys,
};
for (const [id, then] of Object.entries(buttons)) find(id).addEventListener("click", then);

const away = 90; // pixels that an arrow key moves
const keys = {
  ArrowLeft: () => view.pan(away, 0), ArrowRight: () => view.pan(-away, 0),
  ArrowUp: () => view.pan(0, away), ArrowDown: () => view.pan(0, -away),
  "+": buttons.closer, "=": buttons.closer, "-": buttons.farther, 0: showWhole,
  "/": () => { sheet.toggle(true); find("search").focus(); find("search").select(); },
  Enter: openMiddle, n: () => panels.neighbour(1), p: () => panels.neighbour(-1),
  l: buttons.lasso, s: selectInView, d: switchTheme, "?": showKeys,
};
const moving = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter"]; // for the map itself only

addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
  if (event.key === "Escape") return escape();
  if (event.target.closest("input, select, textarea")) return;
  if (moving.includes(event.key) && event.target.closest("button, summary, a")) return;
  const then = keys[event.key];
  if (!then) return;
  event.preventDefault();
  then();
  links.soon();
}, { signal: host.signal });

// --- the state, in the address -------------------------------------------------------------------------------

const links = {
  timer: 0,
  silent: true, // until the page is set up

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), 250);
  },

  write() {
    if (this.silent) return;
    const state = new URLSearchParams();
    const { column } = colours;
    if (Math.abs(view.zoom - 1) > 0.01) {
      state.set("at", [view.x.toFixed(4), view.y.toFixed(4), view.zoom.toFixed(2)].join());
    }
    if ((column?.name ?? "") !== (raw.colour ?? "")) state.set("by", column?.name ?? "");
    for (const code of [...filter.only].sort((a, b) => a - b)) state.append("only", code ? column.values[code - 1] : "");
    if (filter.range) state.set("range", filter.range.join());
    if (find("search").value) state.set("q", find("search").value);
    if (panels.focus !== null) state.set("id", String(ids[panels.focus]));
    if (theme.chosen) state.set("theme", theme.chosen);
    host.write(String(state));
  },

  read() {
    const state = new URLSearchParams(host.read());
    theme.chosen = ["light", "dark"].includes(state.get("theme")) ? state.get("theme") : null;
    theme.apply();
    colourBy(state.get("by") ?? raw.colour);
    const codes = state.getAll("only").map(name => (name ? (colours.column?.values?.indexOf(name) ?? -1) + 1 : 0));
    filter.only = new Set(codes.filter((code, k) => code > 0 || state.getAll("only")[k] === ""));
    const range = (state.get("range") ?? "").split(",").map(Number);
    filter.range = range.length === 2 && range.every(Number.isFinite) && colours.column?.numbers ? range : null;
    find("search").value = state.get("q") ?? "";
    filter.search(find("search").value);
    legend.show();
    const [x, y, zoom] = (state.get("at") ?? "").split(",").map(Number);
    view.set(view.fitting());
    if ([x, y, zoom].every(Number.isFinite)) view.set({ x, y, scale: zoom * view.fitting().scale });
    const i = state.has("id") ? ids.indexOf(Number(state.get("id"))) : -1;
    if (i >= 0) panels.open(i, { go: !state.has("at") });
    else if (panels.focus !== null) panels.close();
  },
};
