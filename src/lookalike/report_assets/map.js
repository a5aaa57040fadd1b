// On a narrow screen search and legend are a sheet at the bottom that opens; then all is started.

const sheet = {
  open: false,
  toggle(open = !this.open) {
    this.open = open && view.width < 720;
    find("side").classList.toggle("open", this.open);
    find("grip").setAttribute("aria-expanded", String(this.open));
  },
};
find("grip").addEventListener("click", () => sheet.toggle());
canvas.addEventListener("pointerdown", () => sheet.toggle(false));

const repaint = () => {
  theme.apply();
  colours.paint();
  legend.show();
  draw.soon();
};
media.addEventListener("change", repaint, { signal: host.signal });

{
  const select = find("colour");
  select.append(...columns.map(column => element("option", { value: column.name }, column.name)));
  select.append(element("option", { value: "" }, "nothing"));
  select.addEventListener("change", () => { colourBy(select.value); links.write(); });

  let timer = 0;
  find("search").addEventListener("input", event => {
    clearTimeout(timer);
    timer = setTimeout(() => { filter.search(event.target.value); links.write(); }, 120);
  });
  find("search").addEventListener("keydown", event => {
    if (event.key !== "Enter") return;
    clearTimeout(timer);
    filter.search(event.target.value);
    if (filter.count && filter.active) { view.goTo(filter.list()); sheet.toggle(false); canvas.focus(); }
    else if (filter.active) said("Nothing is found.");
    links.soon();
  });
}

theme.apply();
draw.resize();
links.read();
links.silent = false;

const resized = new ResizeObserver(() => {
  if (canvas.clientWidth === view.width && canvas.clientHeight === view.height) return;
  const whole = Math.abs(view.zoom - 1) < 0.02;
  draw.resize();
  if (whole) view.set(view.fitting());
});
resized.observe(canvas);
host.signal.addEventListener("abort", () => resized.disconnect());
for (const id of ["theme", "dkey"]) find(id).hidden = !host.mayChooseTheme;
host.follow(() => {
  links.silent = true; // what is read is not written again
  links.read();
  links.silent = false;
});

return { idOf: i => ids[i], view, draw, filter, panels, colours, atlas, lasso, theme, reach, xs, ys };
