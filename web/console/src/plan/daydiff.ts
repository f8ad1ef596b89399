// Before and after: the days that a proposal changes, stop by stop. Pure.

import type { PlanProposal, PlanSpot, PlanStep } from "@contract";
import { holderOf } from "../time/ghosts";

/** A visit in a day, before or after. `laterMs` is how much later (negative: earlier) it begins than it did in the same day. */
export interface Stop {
  readonly step: PlanStep;
  readonly fromMs: number;
  readonly toMs: number;
  readonly laterMs: number;
}

export interface DayDiff {
  readonly holderId: string;
  readonly name: string;
  readonly before: readonly Stop[];
  readonly after: readonly Stop[];
}

/** The days that change, those with the most changes first; days that only keep what they have are left out. */
export function dayDiffs(proposal: PlanProposal): DayDiff[] {
  const days = new Map<string, { holderId: string; name: string; before: Stop[]; after: Stop[]; changes: number }>();
  const dayOf = (spot: PlanSpot | null | undefined) => {
    const holderId = holderOf(spot);
    if (!spot || !holderId) return null;
    const day = days.get(holderId) ?? { holderId, name: spot.crew ?? "", before: [], after: [], changes: 0 };
    days.set(holderId, day);
    return day;
  };
  for (const step of proposal.steps ?? []) {
    const [was, will] = [dayOf(step.before), dayOf(step.after)];
    const same = was === will;
    const before = stopOf(step, step.before, 0);
    if (was && before) was.before.push(before);
    const after = stopOf(step, step.after, same && before ? begin(step.after) - before.fromMs : 0);
    if (will && after) will.after.push(after);
    if (step.kind === "kept") continue;
    if (was) was.changes += 1;
    if (will && !same) will.changes += 1;
  }
  const changed = [...days.values()].filter((day) => day.changes > 0).sort((a, b) => b.changes - a.changes || a.name.localeCompare(b.name));
  for (const day of changed) for (const stops of [day.before, day.after]) stops.sort((a, b) => a.fromMs - b.fromMs);
  return changed;
}

function begin(spot: PlanSpot | null | undefined): number {
  return spot?.begin_at ? Date.parse(spot.begin_at) : Number.NaN;
}

function stopOf(step: PlanStep, spot: PlanSpot | null | undefined, laterMs: number): Stop | null {
  if (!spot?.begin_at || !spot.end_at) return null;
  return { step, fromMs: Date.parse(spot.begin_at), toMs: Date.parse(spot.end_at), laterMs: Number.isFinite(laterMs) ? laterMs : 0 };
}
