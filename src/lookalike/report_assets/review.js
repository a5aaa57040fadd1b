import { mayGo, standsIn, withKeeper } from "./deciding.js";
import { affine, layTwo } from "./laid.js";

{
  const find = id => document.getElementById(id);
  const all = (selector, where = document) => [...where.querySelectorAll(selector)];

  // --- pictures: given to an image when its group comes near ----------------------------------

  const source = key => "data:image/jpeg;base64," + find(key).textContent;

  const load = group => {
    for (const image of all("img[data-picture]:not([src])", group)) image.src = source(image.dataset.picture);
  };

  const near = new IntersectionObserver(
    entries => entries.filter(entry => entry.isIntersecting).forEach(entry => {
      load(entry.target);
      near.unobserve(entry.target);
    }),
    { rootMargin: "1000px" },
  );
  const groups = all(".group");
  groups.forEach(group => near.observe(group));
  addEventListener("beforeprint", () => groups.forEach(load));

  // --- the plan: the boxes are the truth until it is saved ------------------------------------

  const plan = JSON.parse(find("plan").textContent);
  const cards = all(".copy");
  const planned = plan.groups.flatMap(group => group.copies);
  const box = card => card.querySelector(".tick input");
  const bytes = new Map(cards.map((card, i) => [card, planned[i].bytes]));
  const doubted = new Set(cards.filter((_, i) => planned[i].doubt !== null));
  const proposed = new Map(cards.map(card => [card, box(card).defaultChecked]));
  const chosen = new Map(); // group -> the card of the picture that a person keeps instead
  const figure = group => group.querySelector(".kept");
  const groupOf = card => card.closest(".group");
  const isPreferred = card => chosen.get(groupOf(card)) === card;
  let unsaved = false;

  const size = number => {
    if (number < 1000) return `${number} bytes`;
    const units = ["kB", "MB", "GB", "TB"];
    let unit = -1;
    while (number >= 999.5 && unit < 3) { number /= 1000; unit += 1; }
    return `${number.toFixed(number >= 99.95 ? 0 : 1)} ${units[unit]}`;
  };
  const many = number => number.toLocaleString("en");

  const showCounts = () => {
    const ticked = cards.filter(card => box(card).checked);
    const given = groups.flatMap((group, i) => (box(figure(group)).checked ? [plan.groups[i].keep.bytes] : []));
    const shown = groups.filter(group => !group.hidden).length;
    find("shown").textContent = shown === groups.length
      ? `${many(shown)} ${shown === 1 ? "group" : "groups"}`
      : `${many(shown)} of ${many(groups.length)} groups`;
    find("ticked").textContent =
      `${many(ticked.length + given.length)} of ${many(cards.length)} ${cards.length === 1 ? "copy" : "copies"} ticked`;
    find("freed").textContent = size([...ticked.map(card => bytes.get(card)), ...given].reduce((sum, n) => sum + n, 0));
  };

  const changed = () => {
    unsaved = true;
    find("said").textContent = "";
    showCounts();
    if (dialog.open) showDecision();
  };

  /** Ticks or unticks copies; `on` says for each one which. */
  const tick = (some, on) => {
    const others = some.filter(card => !box(card).disabled && box(card).checked !== on(card));
    for (const card of others) box(card).checked = on(card);
    if (others.length) changed();
  };

  const shut = new Set(cards.filter(card => box(card).disabled));
  const ticks = new Map(); // group -> its cards and their ticks, as they were before another picture was kept
  const name = card => card.querySelector(".name bdi").textContent;

  /** Keeps the picture of a card instead of the proposed one, or the proposed one again. What was to go, and the
   *  proposed one, go for another one only if it can stand in for the proposed one. */
  const prefer = card => {
    const group = groupOf(card);
    const before = chosen.get(group);
    const now = before === card ? null : card;
    const stands = now && standsIn({ ...planned[cards.indexOf(now)], overlap: Number(now.dataset.overlap) });
    if (!before) ticks.set(group, all(".copy", group).map(one => [one, box(one).checked]));
    before?.classList.remove("preferred");
    now?.classList.add("preferred");
    if (now) chosen.set(group, now);
    else chosen.delete(group);
    for (const [one, on] of ticks.get(group)) {
      box(one).disabled = one === now || shut.has(one);
      box(one).checked = on && one !== now && (!now || stands);
    }
    group.classList.toggle("chosen", now !== null);
    const own = box(figure(group));
    own.closest(".tick").hidden = now === null;
    own.disabled = own.closest(".tick").dataset.shut !== undefined;
    own.checked = Boolean(stands) && !own.disabled;
    for (const one of all(".prefer", group)) {
      const on = one.closest(".copy") === now;
      one.setAttribute("aria-pressed", String(on));
      one.textContent = on ? "Stays, as you chose" : "Keep this one";
    }
    changed();
    if (now && !stands) find("said").textContent = `${name(now)} cannot stand in for what was to stay: of its group nothing goes but what you tick.`;
  };

  const decided = () => {
    planned.forEach((copy, i) => { copy.remove = box(cards[i]).checked; });
    const entries = plan.groups.map((entry, i) => {
      const card = chosen.get(groups[i]);
      if (!card) return entry;
      const changed = withKeeper(entry, all(".copy", groups[i]).indexOf(card));
      changed.copies[0].remove = box(figure(groups[i])).checked;
      return changed;
    });
    return { ...plan, groups: entries };
  };

  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(
      new Blob([JSON.stringify(decided(), null, 2) + "\n"], { type: "application/json" }),
    );
    link.download = "plan-reviewed.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    unsaved = false;
    find("said").textContent = "plan-reviewed.json went to your downloads folder: apply it there. If there was one already, the new one has a number in its name. Still nothing has been changed.";
  };

  addEventListener("beforeunload", event => {
    if (!unsaved) return;
    event.preventDefault();
    event.returnValue = true; // for browsers that look at this only
  });

  // --- which copies are shown -----------------------------------------------------------------

  const pressed = button => button.getAttribute("aria-pressed") === "true";
  const visible = () => cards.filter(card => !card.hidden);
  const chips = all(".filters button");

  const filter = () => {
    const kinds = new Set(chips.filter(chip => chip.dataset.kind && pressed(chip)).map(chip => chip.dataset.kind));
    const doubtful = chips.some(chip => "doubtful" in chip.dataset && pressed(chip));
    for (const card of cards) {
      card.hidden = (kinds.size > 0 && !kinds.has(card.dataset.kind)) || (doubtful && !doubted.has(card));
    }
    for (const group of groups) group.hidden = !group.querySelector(".copy:not([hidden])");
    find("none").hidden = groups.length === 0 || groups.some(group => !group.hidden);
    showCounts();
  };

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(!pressed(chip)));
      filter();
    });
  }

  // --- comparing ------------------------------------------------------------------------------

  const dialog = find("compare");
  const laid = layTwo({ first: "Kept", second: "Copy" });
  const { stage } = laid;
  find("laid").replaceWith(laid.element);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let current = null;

  const extent = ({ dataset: { width, height } }) => ({ width: Number(width) || 1, height: Number(height) || 1 });

  const showDecision = () => {
    const deciding = box(current.part);
    find("decide").checked = deciding.checked;
    find("decide").disabled = deciding.disabled;
    find("decide").setAttribute("aria-label", deciding.getAttribute("aria-label"));
    const on = isPreferred(current.card);
    find("prefer").setAttribute("aria-pressed", String(on));
    find("prefer").textContent = on ? "Keep the first again" : "Keep this one";
  };

  const words = (part, ...selectors) =>
    selectors.flatMap(selector => all(selector, part)).map(element => element.cloneNode(true));

  /** The matrix that takes a card's picture to the one that was to be kept; that one's own changes nothing. */
  const place = part => part.dataset.place === undefined
    ? affine.identity
    : (([a, c, e, b, d, f]) => [a, b, c, d, e, f])(part.dataset.place.split(" ").map(Number));

  const show = card => {
    const group = groupOf(card);
    // What is kept, by proposal or by choice, and what lies on it: the card's picture, or the one it replaces.
    const base = chosen.get(group) ?? figure(group);
    const part = base === card ? figure(group) : card;
    const name = one => (one === figure(group) ? group.querySelector("h2") : one.querySelector(".name bdi")).textContent;
    const sized = one => extent(one === figure(group) ? group : one);
    load(group);
    current = {
      card,
      part,
      kept: sized(base),
      copy: sized(part),
      aligned: [base, part].every(one => one === figure(group) || "aligned" in one.dataset),
      onKept: affine.times(affine.inverse(place(base)), place(part)),
    };
    for (const [image, part] of [[laid.first, base], [laid.second, current.part]]) {
      const loaded = part.querySelector("img[data-picture]");
      image.hidden = !loaded;
      if (loaded) image.src = loaded.src;
    }
    find("pair").textContent = `${name(base)} and ${name(part)}`;
    stage.setAttribute("aria-label", `Kept: ${name(base)}. Copy: ${name(part)}.`);
    dialog.classList.toggle("chosen", base !== figure(group));
    const shown = visible();
    find("nth").textContent = `Copy ${many(shown.indexOf(card) + 1)} of ${many(shown.length)}`;
    find("left").replaceChildren(...words(base, ".verdict", ".kind", ".how", ".details"));
    find("right").replaceChildren(...words(part, ".kind", ".how", ".details", ".doubt"));
    showDecision();
    if (!dialog.open) {
      dialog.showModal();
      stage.focus({ preventScroll: true });
    }
    laid.show(current);
  };

  const step = by => {
    const shown = visible();
    const next = shown[shown.indexOf(current.card) + by];
    if (next) show(next);
  };

  const buttons = {
    close: () => dialog.close(), before: () => step(-1), after: () => step(1),
    decide: () => toggle(current.part), prefer: () => choosing(current.card),
  };
  for (const [id, then] of Object.entries(buttons)) find(id).addEventListener("click", then);
  dialog.addEventListener("close", () => {
    if (dialog.open || !current) return; // the event came late: it was opened, perhaps closed, again
    laid.stop();
    focus(current.card);
    current = null;
  });
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });

  // --- the list -------------------------------------------------------------------------------

  const focus = card => {
    (box(card).disabled ? card.querySelector(".look") : box(card)).focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
  };

  const move = by => {
    const shown = visible();
    const here = shown.indexOf(document.activeElement.closest(".copy"));
    const next = here < 0 ? firstInSight(shown) : shown[here + by];
    if (next) focus(next);
  };

  // Groups are asked, not cards: those of groups out of sight have no place yet.
  const firstInSight = shown => {
    const group = groups.find(group => !group.hidden && group.getBoundingClientRect().bottom > 200);
    return shown.find(card => card.parentElement.parentElement === group) ?? shown[0];
  };

  groups.forEach((group, i) => {
    const own = box(figure(group));
    // Not every picture that was to be kept may go: it may be a reference, or lie outside the plan's folders.
    if (own.disabled || !mayGo(plan, plan.groups[i].keep.path)) own.closest(".tick").dataset.shut = "";
    own.addEventListener("change", changed);
  });
  for (const card of cards) {
    card.querySelector(".prefer").addEventListener("click", () => prefer(card));
    box(card).addEventListener("change", changed);
    card.querySelector(".look").addEventListener("click", () => show(card));
  }
  if (groups.length) {
    find("save").addEventListener("click", save);
    find("untick").addEventListener("click", () => tick(visible(), () => false));
    find("again").addEventListener("click", () => {
      [...chosen.values()].forEach(prefer);
      tick(cards, card => proposed.get(card));
    });
  }

  // --- the keyboard ---------------------------------------------------------------------------

  const toggle = card => tick(card ? [card] : [], () => !box(card).checked);

  const choosing = card => {
    if (!card) return;
    prefer(card);
    if (dialog.open) show(card);
    else focus(card); // its box, which had it, is shut or open now
  };

  const inList = event => {
    const card = document.activeElement.closest(".copy");
    const onBox = document.activeElement.matches(".tick input");
    const keys = {
      j: () => move(1), ArrowDown: () => move(1), ArrowRight: () => move(1),
      k: () => move(-1), ArrowUp: () => move(-1), ArrowLeft: () => move(-1),
      x: () => toggle(card),
      c: () => choosing(card),
      Enter: onBox ? () => show(card) : null,
      s: save,
    };
    return event.key.startsWith("Arrow") && !card ? null : keys[event.key];
  };

  const inDialog = event => {
    const onInput = document.activeElement.matches("input");
    const keys = {
      1: () => laid.choose("side"), 2: () => laid.choose("over"), 3: () => laid.choose("diff"),
      f: () => { if (laid.mode() !== "over") laid.choose("over"); laid.flicker(); },
      x: () => toggle(current.part),
      c: () => choosing(current.card),
      j: () => step(1), k: () => step(-1), s: save,
      ArrowRight: onInput ? null : () => step(1), ArrowLeft: onInput ? null : () => step(-1),
      " ": document.activeElement === stage ? () => { if (laid.mode() !== "over") laid.choose("over"); laid.swap(); } : null,
    };
    return keys[event.key];
  };

  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || groups.length === 0) return;
    const then = dialog.open ? inDialog(event) : inList(event);
    if (!then) return;
    event.preventDefault();
    then();
  });

  if (groups.length) {
    showCounts();
    const desk = document.querySelector(".desk");
    const tell = () => document.documentElement.style.setProperty("--desk", `${desk.offsetHeight}px`);
    new ResizeObserver(tell).observe(desk);
  }
}
