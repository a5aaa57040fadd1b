// The one place that asks the server. An answer that is no success becomes an `ApiError` whose message is for
// people; what is refused for a while (429, 503 with Retry-After) is asked again.

const TRIES = 4;
const LONGEST_WAIT = 8;

export class ApiError extends Error {
  /**
   * @param {string} message for people.
   * @param {{status: number, code: string, details?: any, requestId?: string}} said
   *   status 0 when no server answered (code "unreachable").
   */
  constructor(message, { status, code, details = null, requestId = "" }) {
    super(message);
    Object.assign(this, { status, code, details, requestId });
  }
}

const listeners = new Map();

/**
 * Hear of what concerns the whole page: "unauthorized", "unreachable", "reached", "waiting".
 * @returns {function} that ends it.
 */
export function on(event, listener) {
  if (!listeners.has(event)) listeners.set(event, new Set());
  listeners.get(event).add(listener);
  return () => listeners.get(event).delete(listener);
}

function tell(event, value) {
  for (const listener of listeners.get(event) ?? []) listener(value);
}

let deployment = "";

/** Which deployment every request is for; empty for the default one. Only the router calls this. */
export function choose(name) {
  deployment = name;
}

/** The address of something on the server, the deployment included. Values that are null or "" are left out. */
export function url(path, query = {}) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries({ deployment, ...query })) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") params.append(key, one);
    }
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/** The address of a small picture. */
export const thumbnail = (id, side = 320) => url(`/v1/pictures/${id}/thumbnail`, { side });

/** The address of a picture's file. */
export const original = (id) => url(`/v1/pictures/${id}/original`);

/** GET, as JSON. `signal` ends it (AbortController). */
export const get = (path, query, { signal } = {}) => ask("GET", url(path, query), null, signal);

/** POST a FormData, or anything else as JSON. */
export const post = (path, body, { query, signal } = {}) => ask("POST", url(path, query), body, signal);

/** PATCH, PUT and DELETE. */
export const send = (method, path, body, { query, signal } = {}) => ask(method, url(path, query), body, signal);

async function ask(method, address, body, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetched(method, address, body, signal);
    if (response.ok) return read(response);
    const error = await refusal(response);
    const after = Number(response.headers.get("Retry-After"));
    if (!after || attempt === TRIES) {
      if (error.status === 401) tell("unauthorized", error);
      throw error;
    }
    tell("waiting", after);
    await pause(Math.min(after, LONGEST_WAIT) * 1000, signal);
  }
}

async function fetched(method, address, body, signal) {
  const json = body !== null && body !== undefined && !(body instanceof FormData);
  try {
    const response = await fetch(address, {
      method,
      signal,
      body: json ? JSON.stringify(body) : body,
      headers: json ? { "Content-Type": "application/json" } : {},
    });
    tell("reached");
    return response;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tell("unreachable");
    throw new ApiError("The server cannot be reached.", { status: 0, code: "unreachable" });
  }
}

async function read(response) {
  const kind = response.headers.get("Content-Type") ?? "";
  return kind.startsWith("application/json") ? response.json() : response.blob();
}

async function refusal(response) {
  try {
    const { message, code, details, request_id: requestId } = (await response.json()).error;
    return new ApiError(message, { status: response.status, code, details, requestId });
  } catch {
    const message = `The server answered ${response.status} ${response.statusText}.`;
    return new ApiError(message, { status: response.status, code: "" });
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
