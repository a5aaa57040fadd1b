// The shell: addresses, navigation, and what concerns the whole page.
//
// THE CONTRACT OF A VIEW
//
// A view is a module `views/NAME.js`, named in VIEWS below and in `server/page.py`. Its address is /NAME, and
// everything one can see of it is in the address's query, so that it can be linked to and Back works. It exports
//
//   title                        what the window is called.
//   show(root, params, app)      draw into the empty element `root` what `params` (URLSearchParams) ask for.
//                                Gives a function that cleans up, or { update(params), close() }: with `update`,
//                                a new address of the same view changes what is there instead of drawing it anew.
//                                It may be async; when it throws, the shell shows the error with "Try again".
//
// A view never touches `location`, `history` or `fetch`. It has `api.js` for the server, `dom.js` for elements
// (no markup in strings: the page's policy forbids it), `words.js` for numbers and names, and
//
//   app.go(view, params, {replace, back})   go to a state; `replace` when Back should not lead to the one before;
//                                     `back` when it is the one before, if it is: as closing what was opened. Gives
//                                     false when that is where one is.
//   app.link(view, params)            the address of a state, for <a href>: a click on it is `go`.
//                                     Both keep `deployment`. Params are an object; a list becomes repeated names.
//   app.announce(text)                tell screen readers.
//   app.notify(text)                  tell everyone, for a moment.
//   app.title(text)                   what the window is called now.
//   app.state(root, {...})            an empty, waiting or failed state in the page's manner.
//   app.failed(root, error, again)    an error as such a state; `again` is called by its button.
//   app.fail(root, error)             show an error in place of the view, as when `show` throws: for work it began
//                                     and did not wait for. Its button draws the view anew.
//   app.scrollTo()                    go where one was before, for a view whose content came later than `show`.
//   app.session                       what one may do: {required, rights, originals, max_k, max_picture_bytes}.
//   app.uploads                       pictures a person has chosen: see `uploads.js`.
//
// A view's styles are in `views/NAME.css`, linked from index.html; colours are those of `look.css`. Keys: a view
// marks the field that "/" focuses with `data-search`, and what "Skip to results" leads to with the id `results`: the
// focus goes to what Tab comes to in it, else to itself.

import * as api from "./api.js";
import { fill, h, icon } from "./dom.js";
import { uploads } from "./uploads.js";

const VIEWS = ["search", "clusters", "map", "duplicates", "info", "compare"];
const NOWHERE = ""; // the view of an address at which there is none
const NAVIGATION = [
  ["search", "Search"],
  ["clusters", "Clusters"],
  ["map", "Map"],
  ["duplicates", "Duplicates"],
  ["info", "Collection"],
];

const main = document.getElementById("main");
const polite = document.getElementById("polite");
const notices = document.getElementById("notices");
let session = null;
let deployments = [];
let shown = null; // {name, view, root, deployment}
let turn = 0; // counts navigations: what is older than the last one does not matter any more

// --- addresses ---------------------------------------------------------------------------------

// A browser goes a step back in its own time. An address written before it has done so would be the one it leaves, so
// until then this is the list of where to go next; otherwise null.
let returning = null;
const LONGEST_RETURN = 3000; // milliseconds; a step that has not been done by then never will be

function here() {
  const name = location.pathname.slice(1) || "search";
  return { name: VIEWS.includes(name) ? name : NOWHERE, params: new URLSearchParams(location.search) };
}

function link(view, params = {}) {
  const query = new URLSearchParams();
  const deployment = new URLSearchParams(location.search).get("deployment");
  for (const [key, value] of Object.entries({ deployment, ...params })) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) query.append(key, one);
    }
  }
  const text = query.toString();
  const path = view === "search" && !text ? "/" : `/${view}`;
  return text ? `${path}?${text}` : path;
}

function go(view, params = {}, { replace = false, back = false } = {}) {
  const address = link(view, params);
  if (returning || !back || history.state?.from !== address) return goTo(address, replace);
  returning = [];
  setTimeout(returned, LONGEST_RETURN, returning);
  history.back();
  return true;
}

function goTo(address, replace) {
  if (returning) return Boolean(returning.push(() => goTo(address, replace)));
  const from = location.pathname + location.search;
  if (address === from) return false;
  keepScroll();
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState({ from }, "", address);
  draw(replace ? "stay" : "top");
  return true;
}

/** The step back is done: what was asked for meanwhile comes now. */
function returned(asked) {
  if (returning !== asked) return;
  returning = null;
  for (const go of asked ?? []) go();
}

function keepScroll() {
  if (returning) return;
  history.replaceState({ ...history.state, scroll: scrollY }, "");
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  const plain = !event.defaultPrevented && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!anchor || !plain || anchor.target || anchor.hasAttribute("download") || anchor.origin !== location.origin) return;
  if (anchor.pathname !== "/" && !VIEWS.includes(anchor.pathname.slice(1))) return;
  if (anchor.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  goTo(anchor.pathname + anchor.search, false);
});

history.scrollRestoration = "manual";
addEventListener("popstate", () => {
  draw("back");
  returned(returning);
});
addEventListener("pagehide", keepScroll);
let settling = 0;
addEventListener("scroll", () => {
  clearTimeout(settling);
  settling = setTimeout(keepScroll, 150);
}, { passive: true });

// --- views -------------------------------------------------------------------------------------

const app = {
  go,
  link,
  uploads,
  announce(text) {
    bringForward();
    polite.textContent = "";
    requestAnimationFrame(() => (polite.textContent = text));
  },
  notify,
  title(text) {
    document.title = text ? `${text} – lookalike` : "lookalike";
  },
  state,
  failed,
  fail,
  scrollTo() {
    const to = history.state?.scroll;
    if (to) scrollTo(0, to);
  },
  get session() {
    return session;
  },
  get deployments() {
    return deployments;
  },
};

async function draw(how) {
  const mine = ++turn;
  clearTimeout(settling);
  const { name, params } = here();
  const deployment = params.get("deployment") ?? "";
  api.choose(deployment);
  drawTop(name);
  if (!session && !(await begin())) return;
  if (mine !== turn) return;
  if (shown?.name === name && shown.deployment === deployment && shown.view?.update) {
    if (how === "top") scrollTo(0, 0);
    await run(() => shown.view.update(params));
    return;
  }
  close();
  const root = h("div.view", { "data-view": name });
  shown = { name, deployment, root, view: null };
  fill(main, root);
  if (name === NOWHERE) return nowhere(root);
  if (how !== "back") scrollTo(0, 0);
  await run(async () => {
    const module = await imported(name);
    if (mine !== turn) return;
    app.title(module.title);
    const view = await module.show(root, params, app);
    if (shown?.root !== root || shown.ended) cleaner(view)?.();
    else shown.view = view ?? null;
    if (how === "back") app.scrollTo();
    if (how === "top") main.focus({ preventScroll: true });
  });
}

async function run(work) {
  const root = shown?.root;
  try {
    await work();
  } catch (error) {
    fail(root, error);
  }
}

/** An error in place of the view: that ends, so that the next address draws anew and not into what is gone. */
function fail(root, error) {
  if (error.name === "AbortError" || shown?.root !== root) return;
  cleaner(shown.view)?.();
  Object.assign(shown, { view: null, ended: true });
  bringForward();
  failed(root, error, redraw);
}

function nowhere(root) {
  app.title("Nothing here");
  const actions = [h("a.primary", { href: link("search") }, "To the start")];
  state(root, { symbol: "gone", title: "There is nothing at this address", text: "It may be mistyped, or from another version of this page.", actions });
}

async function imported(name) {
  try {
    return await import(`./views/${name}.js`);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    await api.get("/v1/health"); // when the server is gone, this says so, and the page goes on by itself
    // It serves another version of the page by now.
    throw Object.assign(new Error("This part of the page could not be loaded."), { code: "reload" });
  }
}

function cleaner(view) {
  return typeof view === "function" ? view : view?.close?.bind(view);
}

function close() {
  cleaner(shown?.view)?.();
  shown = null;
  bringForward();
}

function redraw() {
  close();
  draw("stay");
}

// --- the top -----------------------------------------------------------------------------------

function drawTop(current) {
  const bar = document.getElementById("top");
  const items = NAVIGATION.map(([view, name]) =>
    h("a", { href: link(view), "aria-current": view === current ? "page" : null }, icon(view), h("span", null, name)),
  );
  fill(
    bar,
    h("a.brand", { href: link("search"), "aria-label": "lookalike: start" }, h("span.mark", { "aria-hidden": "true" }), "lookalike"),
    h("nav.views", { "aria-label": "Views" }, items),
    chooser(),
    session?.required ? h("button.plain", { type: "button", on: { click: leave } }, "Sign out") : null,
  );
}

function chooser() {
  if (deployments.length < 2) return null;
  const now = new URLSearchParams(location.search).get("deployment") || "default";
  return h(
    "label.deployment",
    null,
    h("span.spoken", null, "Collection"),
    h(
      "select",
      { on: { change: (event) => go(["compare", NOWHERE].includes(here().name) ? "search" : here().name, { deployment: event.target.value === "default" ? null : event.target.value }) } },
      deployments.map(({ name }) => h("option", { value: name, selected: name === now }, name)),
    ),
  );
}

// --- who one is --------------------------------------------------------------------------------

async function begin() {
  try {
    session = await api.get("/v1/session");
    if (session.rights === null) {
      signIn();
      return false;
    }
    deployments = (await api.get("/v1/deployments")).deployments;
    drawTop(here().name);
    return true;
  } catch (error) {
    session = null;
    failed(main, error, () => draw("stay"));
    return false;
  }
}

function signIn() {
  close();
  [session, deployments] = [null, []];
  const field = h("input", { type: "password", id: "token", name: "token", autocomplete: "current-password", required: true, spellcheck: "false" });
  const problem = h("p.problem", { role: "alert" });
  const form = h(
    "form.card.sign-in",
    { on: { submit: (event) => enter(event, field, problem) } },
    h("span.mark", { "aria-hidden": "true" }),
    h("h1", null, "This collection is kept private"),
    h("p.quiet", null, "The server asks for a token. It was printed where ", h("code", null, "lookalike serve"), " was started, or given to you by whoever runs it."),
    // Whoever keeps passwords wants to know whose this is.
    h("input", { type: "text", name: "username", autocomplete: "username", value: "lookalike", hidden: true }),
    h("label", { for: "token" }, "Token"),
    field,
    problem,
    h("button.primary", { type: "submit" }, "Open"),
  );
  app.title("Sign in");
  drawTop(here().name); // nothing to sign out from, and no collections to choose from
  fill(main, form);
  field.focus();
}

async function enter(event, field, problem) {
  event.preventDefault();
  problem.textContent = "";
  try {
    await api.post("/v1/session", { token: field.value.trim() });
    session = null;
    fill(main);
    draw("stay");
  } catch (error) {
    problem.textContent = error.status === 401 ? "This is not a token of this server." : error.message;
    field.select();
  }
}

async function leave() {
  try {
    await api.send("DELETE", "/v1/session");
    signIn();
  } catch (error) {
    notify(error.message);
  }
}

api.on("unauthorized", () => {
  if (session) signIn();
});

// --- states and notices ------------------------------------------------------------------------

/**
 * What stands where there is nothing to show.
 * @param {Element} root
 * @param {{symbol?: string, title: string, text?: string|Node, actions?: Node[], busy?: boolean}} what
 */
function state(root, { symbol = "picture", title, text = "", actions = [], busy = false }) {
  const box = h(
    "section.state",
    { "aria-busy": busy ? "true" : null },
    busy ? h("span.spinner", { "aria-hidden": "true" }) : icon(symbol),
    h("h2", null, title),
    text ? h("p", null, text) : null,
    actions.length ? h("div.actions", null, actions) : null,
  );
  fill(root, box);
  return box;
}

const WORDS = {
  unreachable: ["The server cannot be reached", "It may have been stopped, or the network is down. This page goes on by itself as soon as it answers."],
  overloaded: ["The server is busy", "It has more to do than it can at the moment. Try again in a little while."],
  timeout: ["This took too long", ""],
  reload: ["The page has to be loaded again", "The server serves a newer version of it."],
};

function failed(root, error, again) {
  const [title, text] = WORDS[error.code] ?? ["That did not work", ""];
  if (!error.code && !(error instanceof api.ApiError)) console.error(error);
  const reload = error.code === "reload";
  const retry = h("button.primary", { type: "button", on: { click: reload ? () => location.reload() : again } }, reload ? "Load again" : "Try again");
  const box = state(root, { symbol: "gone", title, text: text || error.message, actions: again || reload ? [retry] : [] });
  box.setAttribute("role", "alert");
  return box;
}

function notify(text) {
  bringForward();
  const notice = h("p.notice", { role: "status" }, text);
  notices.append(notice);
  setTimeout(() => notice.remove(), 5000);
}

/** Notices and what is told to screen readers: into the window that lies over all, outside of which nothing is
 *  seen or heard; without one, into the page. */
function bringForward() {
  const place = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  for (const one of [polite, notices]) if (one.parentElement !== place) place.append(one);
}
for (const event of ["toggle", "close"]) document.addEventListener(event, bringForward, true);

let asking = 0;
api.on("waiting", () => notify("The server is busy; trying again in a moment."));
api.on("unreachable", () => {
  document.documentElement.dataset.unreachable = "";
  clearTimeout(asking);
  asking = setTimeout(() => api.get("/v1/health").catch(() => {}), 3000);
});
api.on("reached", () => {
  if (!("unreachable" in document.documentElement.dataset)) return;
  delete document.documentElement.dataset.unreachable;
  if (main.querySelector(".state[role=alert]")) redraw();
});

// --- keys --------------------------------------------------------------------------------------

for (const skip of document.querySelectorAll(".skip")) {
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // no address of the page has a part after "#"
    const to = document.querySelector(skip.getAttribute("href"));
    (to.id === "results" ? to.querySelector("[tabindex='0']") ?? to : to).focus();
  });
}

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = main.querySelector("[data-search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select?.();
});

draw("back");
