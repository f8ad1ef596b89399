// Typed calls of the API: what is asked and answered has the shapes of the contract.

import type { CommandAnswer, Commands } from "@contract";
import { newId } from "../ids";
import { call, Refused } from "./session";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Read from the API. Throws Refused. */
export async function get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  const answer = await call(path + queryOf(query), signal ? { signal } : {});
  return (await answer.json()) as Answer;
}

/** Post to the API; `key` makes sending again harmless. Throws Refused. */
export async function post<Answer>(path: string, body: unknown = {}, key = newId(), signal?: AbortSignal): Promise<Answer> {
  const headers = { "Idempotency-Key": key };
  const answer = await call(path, { method: "POST", body: JSON.stringify(body), headers, ...(signal && { signal }) });
  return (await answer.json()) as Answer;
}

/** Send one command and wait for what becomes of it. `key` is the command's id. Throws Refused. */
export function command<Name extends keyof Commands>(name: Name, args: Omit<Commands[Name], "name">, key = newId()): Promise<CommandAnswer> {
  return post<CommandAnswer>(`/api/v1/commands/${name}`, args, key);
}

/** The words for whatever went wrong. */
export function wordsOf(error: unknown, noServer: string): string {
  if (!(error instanceof Refused)) return noServer;
  return error.problem.detail ? `${error.message} ${error.problem.detail}` : error.message;
}

function queryOf(query: Query): string {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) made.append(name, String(each));
  }
  const text = made.toString();
  return text ? `?${text}` : "";
}
