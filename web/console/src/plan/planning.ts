// Asking for a plan and committing it. Owns what is being asked and the calls; the proposal itself is shared state, and the server decides.

import type { PlanAsk, PlanCommitted, PlanKind, PlanProposal, PlanStep } from "@contract";
import { computed, effect, signal } from "@preact/signals";
import { post, wordsOf } from "../api/calls";
import { refresh } from "../api/live";
import { Refused } from "../api/session";
import { newId } from "../ids";
import { urlText } from "../state/url";
import { focusedJob, proposal, select, toast } from "../state";
import { struckOut } from "../time/view";
import { count, now } from "../times";
import { t } from "../words";

export const KINDS: readonly PlanKind[] = ["day", "urgent", "repair", "storm"];

const openPanel = urlText("panel");

/** What is being asked for. */
export const asked = {
  kind: signal<PlanKind>("day"),
  district: signal(""),
  absent: signal<readonly string[]>([]),
  days: signal(1),
};
export const busy = signal<"asking" | "committing" | null>(null);
export const problem = signal("");
/** What became of the last commit, as long as nothing new is asked. */
export const committed = signal<PlanCommitted | null>(null);

/** The changes of the proposal, in the order they are shown. */
export const changes = computed<readonly PlanStep[]>(() => (proposal.value?.steps ?? []).filter((step) => step.kind !== "kept"));
/** Those that would be committed. */
export const chosen = computed(() => changes.value.filter((step) => !struckOut.value.has(step.visit_id)));
export const expired = computed(() => proposal.value !== null && now.value > Date.parse(proposal.value.expires_at));

// A proposal comes whole: what was struck out of the last one says nothing about the next.
let last = "";
effect(() => {
  const id = proposal.value?.id ?? "";
  if (id !== last) struckOut.value = new Set();
  last = id;
});

/** Why there is nothing to ask yet, in words; empty when there is. */
export function missing(): string {
  if (asked.kind.value === "urgent" && !focusedJob.value) return t("plan_job_none");
  if (asked.kind.value === "repair" && !asked.absent.value.length) return t("plan_absent_none");
  return "";
}

function ask(): PlanAsk {
  const kind = asked.kind.value;
  const district = asked.district.value ? { district_id: asked.district.value } : {};
  switch (kind) {
    case "urgent":
      return { kind, job_ids: focusedJob.value ? [focusedJob.value] : [] };
    case "repair":
      return { kind, absent_ids: [...asked.absent.value], ...district };
    default:
      return { kind, horizon_days: asked.days.value, ...district };
  }
}

/** Ask for the proposal that the form describes; it is ghosted in all panes. */
export async function propose(): Promise<void> {
  if (busy.value || missing()) return;
  busy.value = "asking";
  problem.value = "";
  committed.value = null;
  try {
    proposal.value = await post<PlanProposal>("/api/v1/plans", ask());
  } catch (error) {
    proposal.value = null;
    problem.value = wordsOf(error, t("no_server"));
  } finally {
    busy.value = null;
  }
}

/** Put one job into the running day: opens the panel and asks at once. */
export function insertUrgent(jobId = focusedJob.peek()): boolean {
  if (!jobId) return false;
  if (focusedJob.peek() !== jobId) select(jobId);
  openWith("urgent");
  void propose();
  return true;
}

/** Open the panel for a crew that cannot go on. */
export function repairWithout(crewId: string): void {
  asked.absent.value = [crewId];
  openWith("repair");
}

function openWith(kind: PlanKind): void {
  asked.kind.value = kind;
  openPanel.value = "plan";
}

export function discard(): void {
  proposal.value = null;
  problem.value = "";
  committed.value = null;
}

/** Strike a change out, or take it in again. */
export function flip(visitId: string): void {
  const next = new Set(struckOut.value);
  if (!next.delete(visitId)) next.add(visitId);
  struckOut.value = next;
}

export function flipAll(all: boolean): void {
  struckOut.value = all ? new Set() : new Set(changes.value.map((step) => step.visit_id));
}

/** Commit the chosen changes. What crews did meanwhile wins: that is told, never hidden. */
export async function commit(): Promise<void> {
  const made = proposal.value;
  const steps = chosen.value;
  if (!made || busy.value || !steps.length) return;
  busy.value = "committing";
  problem.value = "";
  const key = newId();
  const body = steps.length === changes.value.length ? {} : { visit_ids: steps.map((step) => step.visit_id) };
  try {
    const done = await post<PlanCommitted>(`/api/v1/plans/${made.id}/commit`, body, key);
    committed.value = done;
    if (!done.committed) {
      problem.value = t("plan_outdated");
    } else {
      proposal.value = null;
      tell(done, key);
    }
  } catch (error) {
    problem.value = error instanceof Refused && error.code === "plan_outdated" ? t("plan_outdated") : wordsOf(error, t("no_server"));
  } finally {
    busy.value = null;
    refresh();
  }
}

function tell(done: PlanCommitted, key: string): void {
  const took = (done.steps ?? []).filter((step) => step.status === "applied" || step.status === "merged");
  toast({ text: t("plan_committed", { n: count(took.length) }), undo: took.length ? [key] : [] });
}
