// A proposal beside the plan: which ghosts stand in whose row, and which bars would go. Pure; the proposal changes nothing.

import type { PlanProposal, PlanSpot, PlanStep, PlanStop } from "@contract";
import type { Span } from "./lanes";

/** Where a step of the proposal would put a visit. */
export interface Ghost extends Span {
  readonly step: PlanStep;
  readonly holderId: string;
  /** The earliest and the latest beginning, where the plan tells a range. */
  readonly range: Span | null;
}

/** A break, or a stop at a store for parts. */
export interface Pause extends Span {
  readonly kind: PlanStop["kind"];
}

export interface Ghosts {
  readonly byHolder: ReadonlyMap<string, readonly Ghost[]>;
  readonly pauses: ReadonlyMap<string, readonly Pause[]>;
  /** What becomes of a standing visit, by its id. */
  readonly leaving: ReadonlyMap<string, PlanStep>;
}

const NONE: Ghosts = { byHolder: new Map(), pauses: new Map(), leaving: new Map() };

/** Whose day a place of a plan is in: a crew's, or that of a person without one. */
export function holderOf(spot: PlanSpot | null | undefined): string | null {
  return spot?.crew_id ?? spot?.person_id ?? null;
}

/** Sort the chosen changes of a proposal by whose day gets them; `without` are those that somebody has struck out. */
export function ghostsOf(proposal: PlanProposal | null, without: ReadonlySet<string> = new Set()): Ghosts {
  if (!proposal) return NONE;
  const byHolder = new Map<string, Ghost[]>();
  const leaving = new Map<string, PlanStep>();
  for (const step of proposal.steps ?? []) {
    if (step.kind === "kept" || without.has(step.visit_id)) continue;
    if (step.before) leaving.set(step.visit_id, step);
    const ghost = ghostOf(step);
    if (!ghost) continue;
    const found = byHolder.get(ghost.holderId);
    if (found) found.push(ghost);
    else byHolder.set(ghost.holderId, [ghost]);
  }
  for (const ghosts of byHolder.values()) ghosts.sort((a, b) => a.fromMs - b.fromMs);
  return { byHolder, leaving, pauses: pausesOf(proposal) };
}

function pausesOf(proposal: PlanProposal): Map<string, Pause[]> {
  const found = new Map<string, Pause[]>();
  for (const stop of proposal.stops ?? []) {
    const holderId = stop.crew_id ?? stop.person_id;
    if (!holderId) continue;
    const pause = { kind: stop.kind, fromMs: Date.parse(stop.begin_at), toMs: Date.parse(stop.end_at) };
    found.set(holderId, [...(found.get(holderId) ?? []), pause]);
  }
  return found;
}

function ghostOf(step: PlanStep): Ghost | null {
  const after = step.after;
  const holderId = holderOf(after);
  if (!after?.begin_at || !after.end_at || !holderId) return null;
  const range = after.earliest_at && after.latest_at ? { fromMs: Date.parse(after.earliest_at), toMs: Date.parse(after.latest_at) } : null;
  return { step, holderId, fromMs: Date.parse(after.begin_at), toMs: Date.parse(after.end_at), range };
}
