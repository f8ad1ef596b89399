// Sends commands and says what became of them: a toast in the person's language, with undo where there is something to undo.

import type { CommandAnswer, Commands, Problem } from "@contract";
import { command, post, wordsOf } from "../api/calls";
import { refresh } from "../api/live";
import { Refused } from "../api/session";
import { newId } from "../ids";
import { t } from "../words";
import { toast } from "./toasts";

export type Sent =
  | { readonly ok: true; readonly answer: CommandAnswer }
  | { readonly ok: false; readonly code: string; readonly title: string; readonly problem: Partial<Problem> | null };

export interface How {
  /** The command's id: the same again is answered as before. */
  readonly key?: string;
  /** What the toast says when it took effect; without it there is none. */
  readonly said?: string;
  /** Whether the toast offers to undo it. */
  readonly undo?: boolean;
}

/** Send one command. Refusals are told in a toast and given back, never thrown. */
export async function send<Name extends keyof Commands>(name: Name, args: Omit<Commands[Name], "name">, how: How = {}): Promise<Sent> {
  const key = how.key ?? newId();
  const sent = await tried(name, args, key);
  if (!sent.ok) toast({ text: sent.title, bad: true });
  else if (how.said) toast({ text: saidOf(sent.answer, how.said), undo: how.undo && took(sent.answer) ? [key] : [] });
  refresh();
  return sent;
}

/** Send the same kind of command for several jobs, a few at a time; one toast says how many took effect and undoes them together. */
export async function sendAll<Name extends keyof Commands>(
  name: Name, all: readonly Omit<Commands[Name], "name">[], said: (done: number) => string,
): Promise<readonly Sent[]> {
  const made = all.map((args) => ({ key: newId(), args }));
  return told(made.map(({ key, args }) => ({ key, run: () => tried(name, args, key) })), said);
}

/** Something to send, under its key. */
export interface Step {
  readonly key: string;
  readonly run: () => Promise<Sent>;
}

/** Run several sendings, at most four at a time, and tell the sum of them in one toast. */
export async function told(steps: readonly Step[], said: (done: number) => string): Promise<readonly Sent[]> {
  const results: Sent[] = [];
  const done: string[] = [];
  for (let first = 0; first < steps.length; first += TOGETHER) {
    const part = steps.slice(first, first + TOGETHER);
    const answers = await Promise.all(part.map((step) => step.run()));
    answers.forEach((sent, index) => {
      results.push(sent);
      const key = part[index]?.key;
      if (sent.ok && took(sent.answer) && key) done.push(key);
    });
  }
  const refused = results.find((sent) => !sent.ok);
  if (done.length) toast({ text: said(done.length), undo: done });
  if (refused && !refused.ok) {
    const count = results.filter((sent) => !sent.ok).length;
    toast({ text: count > 1 ? t("refused_many", { n: count, why: refused.title }) : refused.title, bad: true });
  }
  refresh();
  return results;
}

/** Try one command without a word. */
export async function tried<Name extends keyof Commands>(name: Name, args: Omit<Commands[Name], "name">, key = newId()): Promise<Sent> {
  try {
    return { ok: true, answer: await command(name, args, key) };
  } catch (error) {
    return refusal(error);
  }
}

/** Undo commands, the last one first, and say what became of it. */
export async function undo(keys: readonly string[]): Promise<void> {
  const steps = [...keys].reverse().map((key) => async (): Promise<Sent> => {
    try {
      return { ok: true, answer: await post<CommandAnswer>(`/api/v1/commands/${key}/undo`) };
    } catch (error) {
      return refusal(error);
    }
  });
  const failed: Sent[] = [];
  for (const step of steps) {
    const sent = await step();
    if (!sent.ok) failed.push(sent);
  }
  const first = failed[0];
  if (first && !first.ok) toast({ text: t("undo_failed", { n: failed.length, why: first.title }), bad: true });
  if (failed.length < steps.length) toast({ text: t("undone", { n: steps.length - failed.length }) });
  refresh();
}

const TOGETHER = 4;

function refusal(error: unknown): Sent {
  const title = wordsOf(error, t("no_server"));
  if (error instanceof Refused) return { ok: false, code: error.code, title, problem: error.problem };
  return { ok: false, code: "no_server", title, problem: null };
}

function took(answer: CommandAnswer): boolean {
  return answer.status === "applied" || answer.status === "merged";
}

function saidOf(answer: CommandAnswer, said: string): string {
  return took(answer) ? said : answer.title || said;
}
