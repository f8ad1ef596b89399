// Who is signed in. The access token lives in this module's memory; the refresh token in a cookie that no script can read.

const KNOWN = "onsite.known";
const RENEW_BEFORE_MS = 60_000;

let access = "";
let expiresAt = 0;
let renewing = null;

/** A refusal by the server: its stable code, its words, and when to come again. */
export class Refused extends Error {
  constructor(status, problem, retryAfterS) {
    super(problem.title || `HTTP ${status}`);
    this.status = status;
    this.code = problem.code || "";
    this.retryAfterS = retryAfterS;
  }
}

/** Sign in; gives whether the password must be changed first. */
export async function signIn(org, login, password) {
  return keep(await send("/web/session", { method: "POST", body: JSON.stringify({ org, login, password }) }));
}

/** Go on where an earlier visit ended; false when somebody has to sign in. */
export async function resume() {
  if (!localStorage.getItem(KNOWN)) return false;
  try {
    return { mustChange: await renew() };
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500) throw error;
    forget();
    return false;
  }
}

export async function signOut() {
  try {
    await call("/api/v1/auth/logout", { method: "POST" });
  } finally {
    forget();
    await send("/web/session", { method: "DELETE" });
  }
}

export function forget() {
  access = "";
  expiresAt = 0;
  localStorage.removeItem(KNOWN);
}

/** Call the API as whoever is signed in. Throws Refused; on 401 nobody is signed in any more. */
export async function call(path, options = {}) {
  if (Date.now() > expiresAt - RENEW_BEFORE_MS) await renew();
  try {
    return await send(path, options, access);
  } catch (error) {
    if (error.code !== "token_expired") throw error;
    await renew();
    return send(path, options, access);
  }
}

function renew() {
  renewing ||= alone(async () => keep(await send("/web/session/refresh", { method: "POST" }))).finally(() => {
    renewing = null;
  });
  return renewing;
}

// A refresh token is good once: two tabs that use it at the same time would look like a thief.
function alone(work) {
  return navigator.locks ? navigator.locks.request("onsite.refresh", work) : work();
}

async function keep(answer) {
  const tokens = await answer.json();
  access = tokens.access_token;
  expiresAt = Date.now() + tokens.expires_in_s * 1000;
  localStorage.setItem(KNOWN, "1");
  return tokens.must_change_password === true;
}

async function send(path, options, token = "") {
  const headers = { "Accept-Language": document.documentElement.lang, ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "same-origin" });
  if (answer.ok || answer.status === 304) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
}
