// A picture that occurs more than once is in the file once; its other places show it from there.
for (const image of document.querySelectorAll("img[data-like]")) {
  image.src = document.getElementById(image.dataset.like).src;
}
