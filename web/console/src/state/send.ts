// Sends commands and says what became of them: a toast in the person's language, with undo where there is something to undo.

import type { CommandAnswer, Commands, Problem, UndoAnswer, UndoLeft } from "@contract";
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

/** Undo commands, the last one first, and say what became of it: how much was undone, what could not be, what of a plan stays. */
export async function undo(keys: readonly string[]): Promise<void> {
  const left: UndoLeft[] = [];
  const failed: string[] = [];
  let undone = 0;
  for (const key of [...keys].reverse()) {
    try {
      const answer = await post<UndoAnswer>(`/api/v1/commands/${key}/undo`);
      undone += new Set(answer.steps.map((step) => step.job_id)).size;
      left.push(...answer.left ?? []);
    } catch (error) {
      failed.push(wordsOf(error, t("no_server")));
    }
  }
  if (failed[0]) toast({ text: t("undo_failed", { n: failed.length, why: failed[0] }), bad: true });
  if (left.length) toast({ text: t("undo_left", { n: left.length, which: named(left) }), bad: true });
  if (undone) toast({ text: t("undone", { n: undone }) });
  refresh();
}

function named(left: readonly UndoLeft[]): string {
  const lines = left.slice(0, NAMED).map((each) => `${each.number ?? ""}: ${each.text}`);
  return [...lines, ...left.length > NAMED ? ["…"] : []].join(" ");
}

const NAMED = 3;
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
