"use strict";
{
  const all = (selector, where = document) => [...where.querySelectorAll(selector)];
  const parts = all(".part");
  const shots = all(".shot");
  const links = all(".index a");

  // --- the list of sections: which one is in sight, and finding one ---------------------------

  let current = 0;

  const mark = number => {
    links[current]?.removeAttribute("aria-current");
    current = number;
    const link = links[current];
    if (!link) return;
    link.setAttribute("aria-current", "true");
    const list = link.closest("ol"), box = list.getBoundingClientRect(), own = link.getBoundingClientRect();
    // Not scrollIntoView: it would move the page as well.
    if (own.top < box.top || own.bottom > box.bottom) list.scrollTop += own.top - box.top - box.height / 3;
    if (own.left < box.left || own.right > box.right) list.scrollLeft += own.left - box.left - 24;
  };

  mark(0);  // at once: what is in sight is only known when the page has been drawn
  const seen = new Set();
  const watch = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const number = parts.indexOf(entry.target);
      if (entry.isIntersecting) seen.add(number); else seen.delete(number);
    }
    if (seen.size) mark(Math.min(...seen));
  }, { rootMargin: "-70px 0px -70% 0px" });
  parts.forEach(part => watch.observe(part));

  const find = document.getElementById("find");
  if (find) {
    find.hidden = false;
    find.addEventListener("input", () => {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const link of links) {
        const name = link.firstElementChild.textContent.toLowerCase();
        link.parentElement.hidden = !words.every(word => name.includes(word));
      }
    });
    find.addEventListener("keydown", event => {
      const first = links.find(link => !link.parentElement.hidden);
      if (event.key === "Enter" && first) first.click();
      if (event.key === "Escape") { find.value = ""; find.dispatchEvent(new Event("input")); find.blur(); }
    });
  }

  const go = number => {
    const part = parts[Math.max(0, Math.min(parts.length - 1, number))];
    if (!part) return;
    part.scrollIntoView();
    (part.querySelector(".shot") ?? part).focus({ preventScroll: true });
  };

  // --- one picture, as large as it is in the page ---------------------------------------------

  const dialog = document.getElementById("large");
  const stage = dialog.querySelector("img");
  let open = 0;

  const show = number => {
    open = (number + shots.length) % shots.length;
    const shot = shots[open], image = shot.querySelector("img");
    const words = all(".mark, .badges span, .note", shot);
    stage.hidden = !image?.closest(".shot > .tile");
    if (!stage.hidden) {
      stage.src = image.src || document.getElementById(image.dataset.like).src;
      stage.alt = image.alt;
    }
    dialog.querySelector(".said").textContent = words.map(word => word.textContent).join(" · ");
    dialog.querySelector(".path").textContent = shot.title;
    if (!dialog.open) dialog.showModal();
  };

  document.addEventListener("click", event => {
    const shot = event.target.closest(".shot");
    if (shot) show(shots.indexOf(shot));
    if (event.target === dialog) dialog.close();
    const step = event.target.closest("[data-step]");
    if (step) show(open + Number(step.dataset.step));
  });
  dialog.addEventListener("close", () => shots[open]?.focus());

  // --- keys -----------------------------------------------------------------------------------

  /** The picture that lies nearest above (-1) or below (1). */
  const vertical = (shot, way) => {
    const from = shot.getBoundingClientRect(), middle = from.left + from.width / 2;
    const at = shots.indexOf(shot);
    const row = (way > 0 ? shots.slice(at + 1) : shots.slice(0, at).reverse()).slice(0, 60)
      .map(other => [other, other.getBoundingClientRect()])
      .filter(([, box]) => way > 0 ? box.top >= from.bottom : box.bottom <= from.top);
    const edge = row.length && row[0][1].top;
    const gap = ([, box]) => Math.abs(box.left + box.width / 2 - middle);
    return row.filter(([, box]) => Math.abs(box.top - edge) < 4).sort((a, b) => gap(a) - gap(b))[0]?.[0];
  };

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (dialog.open) {
      if (sideways) show(open + sideways);
      return;
    }
    const shot = event.target.closest?.(".shot");
    const section = { j: 1, k: -1 }[event.key];
    if (section) go(shot ? parts.indexOf(shot.closest(".part")) + section : current + (section > 0 ? 1 : -1));
    else if (event.key === "/" && find) find.focus();
    else if (shot && event.key === "Enter") show(shots.indexOf(shot));
    else if (shot && event.key.startsWith("Arrow")) {
      const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      const next = sideways ? shots[shots.indexOf(shot) + sideways] : vertical(shot, way);
      next?.focus();
    } else return;
    event.preventDefault();
  });
}
