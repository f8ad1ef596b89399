// What waits for a dispatcher to decide: reports that were put aside, and fields that two people set differently. Owns the reading and the calls.

import type { ConflictLine, ConflictPage, Entry, EntryPage, ResolutionKind, ResolveAnswer } from "@contract";
import { computed, effect, signal } from "@preact/signals";
import { get, post, wordsOf } from "../api/calls";
import { refresh } from "../api/live";
import { single } from "../api/single";
import { board, send, toast } from "../state";
import { t, words } from "../words";

const EVERY_MS = 20_000;
const PAGE = 100;

export const entries = signal<readonly Entry[]>([]);
export const conflicts = signal<readonly ConflictLine[]>([]);
export const loaded = signal(false);
export const problem = signal("");

/** How many conflicts the board knows of: it tells before they are read one by one. */
const boardConflicts = computed(() => [...board.value.jobs.values()].reduce((sum, job) => sum + (job.conflicts ?? 0), 0));
export const waiting = computed(() => entries.value.length + (conflicts.value.length || boardConflicts.value));

/** Read both lists anew. */
export const look = single(async () => {
  if (!board.peek().loaded) return;
  try {
    const [aside, met] = await Promise.all([
      get<EntryPage>("/api/v1/quarantine", { limit: PAGE }),
      get<ConflictPage>("/api/v1/conflicts", { limit: PAGE }),
    ]);
    entries.value = aside.items;
    conflicts.value = met.items;
    problem.value = "";
  } catch (error) {
    problem.value = wordsOf(error, t("no_server"));
  } finally {
    loaded.value = true;
  }
});

// While somebody is signed in, and at once when the board tells of another number of conflicts.
const signedIn = computed(() => board.value.loaded);
effect(() => {
  if (!signedIn.value) {
    entries.value = [];
    conflicts.value = [];
    loaded.value = false;
    return;
  }
  boardConflicts.value;
  void look();
  const timer = window.setInterval(() => document.hidden || void look(), EVERY_MS);
  return () => window.clearInterval(timer);
});

/** End an entry: apply it as it is, as corrected, or discard it. False when it was refused, which is told. */
export async function end(entry: Entry, kind: ResolutionKind, args?: unknown): Promise<boolean> {
  try {
    const body = { kind, ...(kind === "corrected" && { name: entry.name, args }) };
    const done = await post<ResolveAnswer>(`/api/v1/quarantine/${entry.entry_id}/resolve`, body);
    const took = kind === "discarded" || done.status === "applied" || done.status === "merged";
    toast(took ? { text: t(kind === "discarded" ? "inbox_discarded" : "inbox_applied") } : { text: t("inbox_not_applied", { why: words(done.code ?? "") }), bad: true });
    return took;
  } catch (error) {
    toast({ text: wordsOf(error, t("no_server")), bad: true });
    return false;
  } finally {
    refresh();
    void look();
  }
}

/** Say which of two values stands. */
export async function settle(line: ConflictLine, keep: "kept" | "offered"): Promise<void> {
  const args = { job_id: line.job_id, edit_id: line.edit_id, field: line.field, keep, was: line.now ?? "" };
  await send("settle_conflict", args, { said: t("inbox_settled", { field: words(line.field), number: line.number }), undo: true });
  await look();
}
