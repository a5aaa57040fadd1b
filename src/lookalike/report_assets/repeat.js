"use strict";
// A picture that occurs more than once is in the file once; its other places show it from there, when they
// come near: Chromium never paints an image that gets its source in a part that is not drawn yet.
{
  const repeated = [...document.querySelectorAll("img[data-like]")];
  const show = image => { image.src ||= document.getElementById(image.dataset.like).src; };
  const near = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      show(target);
      near.unobserve(target);
    }
  }, { rootMargin: "600px" });
  repeated.forEach(image => near.observe(image));
  addEventListener("beforeprint", () => repeated.forEach(show));
}
