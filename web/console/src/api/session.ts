// Who is signed in. The access token lives in this module's memory; the refresh token in a cookie that no script can read.

import type { Problem } from "@contract";
import { locale } from "../words";

const KNOWN = "onsite.known";
const RENEW_BEFORE_MS = 60_000;

let access = "";
let expiresAt = 0;
let renewing: Promise<boolean> | null = null;

/** A refusal by the server: its stable code, its words, and when to come again. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Partial<Problem>;
  readonly retryAfterS: number;

  constructor(status: number, problem: Partial<Problem>, retryAfterS: number) {
    super(problem.title || `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.problem = problem;
    this.retryAfterS = retryAfterS;
  }
}

/** Sign in; gives whether the password must be changed first. Throws Refused. */
export async function signIn(org: string, login: string, password: string): Promise<boolean> {
  return keep(await request("/web/session", { method: "POST", body: JSON.stringify({ org, login, password }) }));
}

/** Go on where an earlier visit ended; null when somebody has to sign in, else whether the password must be changed first. */
export async function resume(): Promise<boolean | null> {
  if (!localStorage.getItem(KNOWN)) return null;
  try {
    return await renew();
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500) throw error;
    forget();
    return null;
  }
}

/** Take the sign-in and the cookie back. */
export async function signOut(): Promise<void> {
  try {
    await call("/api/v1/auth/logout", { method: "POST" });
  } finally {
    forget();
    await request("/web/session", { method: "DELETE" });
  }
}

export function forget(): void {
  access = "";
  expiresAt = 0;
  localStorage.removeItem(KNOWN);
}

/** Call the API as whoever is signed in. Throws Refused; on 401 nobody is signed in any more. */
export async function call(path: string, options: RequestInit = {}): Promise<Response> {
  if (Date.now() > expiresAt - RENEW_BEFORE_MS) await renew();
  try {
    return await request(path, options, access);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "token_expired") throw error;
    await renew();
    return request(path, options, access);
  }
}

/** The token for requests that others make (the map's workers); empty while nobody is signed in. */
export function accessToken(): string {
  return access;
}

function renew(): Promise<boolean> {
  renewing ??= alone(async () => keep(await request("/web/session/refresh", { method: "POST" }))).finally(() => {
    renewing = null;
  });
  return renewing;
}

// A refresh token is good once: two tabs that use it at the same time would look like a thief.
async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
  return "locks" in navigator ? await navigator.locks.request("onsite.refresh", work) : await work();
}

async function keep(answer: Response): Promise<boolean> {
  const tokens = (await answer.json()) as { access_token: string; expires_in_s: number; must_change_password?: boolean };
  access = tokens.access_token;
  expiresAt = Date.now() + tokens.expires_in_s * 1000;
  localStorage.setItem(KNOWN, "1");
  return tokens.must_change_password === true;
}

async function request(path: string, options: RequestInit, token = ""): Promise<Response> {
  const headers = new Headers(options.headers);
  headers.set("Accept-Language", locale.peek());
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (options.body) headers.set("Content-Type", "application/json");
  const answer = await fetch(path, { cache: "no-store", ...options, headers, credentials: "same-origin" });
  if (answer.ok || answer.status === 304) return answer;
  const problem = (await answer.json().catch(() => ({}))) as Partial<Problem>;
  throw new Refused(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
}
