// What is selected and what the pointer or the focus is on: the three panes show both alike.

import type { PlanProposal } from "@contract";
import { computed, effect, signal } from "@preact/signals";
import { board } from "./board";
import { urlText } from "./url";

export type Kind = "job" | "visit" | "crew";
export interface Hover {
  readonly kind: Kind;
  readonly id: string;
}

const inUrl = urlText("jobs");

/** Ids of the selected jobs. Replace the set, never change it. */
export const selection = signal<ReadonlySet<string>>(new Set(inUrl.peek().split(".").filter(Boolean)));

/** The one job whose details are shown: the last one selected. */
export const focusedJob = computed(() => [...selection.value].at(-1) ?? null);

/** The crew that is looked at, if any. */
export const selectedCrew = urlText("crew");

/** What the pointer or the focus is on, in whichever pane. */
export const hovered = signal<Hover | null>(null);

/** A plan beside the one that stands, ghosted in all panes. */
export const proposal = signal<PlanProposal | null>(null);

/** The instant that is replayed; null: now. */
export const replayAt = signal<Date | null>(null);

const MANY_IN_URL = 40;

effect(() => {
  const chosen = [...selection.value];
  inUrl.value = chosen.length <= MANY_IN_URL ? chosen.join(".") : "";
});

/** Select one job alone. */
export function select(jobId: string): void {
  selection.value = new Set([jobId]);
}

/** Select these jobs, or add them to those that are. */
export function selectMany(jobIds: Iterable<string>, add = false): void {
  selection.value = new Set([...(add ? selection.value : []), ...jobIds]);
}

/** Add a job to the selection or take it out. */
export function toggle(jobId: string): void {
  const next = new Set(selection.value);
  if (!next.delete(jobId)) next.add(jobId);
  selection.value = next;
}

export function clearSelection(): void {
  selection.value = new Set();
}

/** Say what the pointer or the focus is on; null: on nothing. */
export function hover(kind: Kind | null, id = ""): void {
  const was = hovered.peek();
  if (kind === null ? was !== null : was?.kind !== kind || was.id !== id) hovered.value = kind && { kind, id };
}

/** Tell whether a job is lit: it is hovered itself, or its visit or its crew is. */
export function litJobs(at: Hover | null): ReadonlySet<string> {
  if (!at) return new Set();
  if (at.kind === "job") return new Set([at.id]);
  if (at.kind === "visit") return new Set([board.peek().visits.get(at.id)?.job_id ?? ""]);
  return new Set((board.peek().visitsOfCrew.get(at.id) ?? []).map((visit) => visit.job_id));
}
