// Moving a visit: where it would land for a pointer or for arrow keys, and what a lock forbids. Pure; sends nothing.

import type { LockKind } from "@contract";
import { snapMs } from "./axis";
import type { Span } from "./lanes";

/** What is being moved. `grabMs` is how far behind its beginning it was taken hold of. */
export interface Held extends Span {
  readonly holderId: string | null;
  readonly lock: LockKind | null;
  /** The span that a lock of a time range leaves for the beginning. */
  readonly allowed: Span | null;
  readonly grabMs: number;
}

/** Where the pointer is; without a time it is over the name, and the time stays as it is. */
export interface Aim {
  readonly holderId: string;
  readonly atMs: number | null;
}

export type Hindrance = "locked_crew" | "locked_time" | "past";

export interface Drop extends Span {
  readonly holderId: string;
  readonly holderChanges: boolean;
  readonly timeChanges: boolean;
  readonly hindered: Hindrance | null;
}

export interface Grid {
  readonly zone: string;
  readonly stepMs: number;
  /** How near the end of a neighbour pulls; 0 for no pull. */
  readonly pullMs: number;
  readonly nowMs: number;
}

const FIXES_CREW: readonly LockKind[] = ["resource", "both"];
const FIXES_TIME: readonly LockKind[] = ["time", "both"];

/** Tell where a held visit would land: on the end of a neighbour that is near, else on the grid. */
export function dropAt(held: Held, aim: Aim, neighbours: readonly Span[], grid: Grid): Drop {
  const length = held.toMs - held.fromMs;
  let fromMs = held.fromMs;
  if (aim.atMs !== null) {
    const wanted = aim.atMs - held.grabMs;
    fromMs = pulled(wanted, length, neighbours, grid) ?? snapMs(wanted, grid.zone, grid.stepMs);
  }
  const holderChanges = aim.holderId !== held.holderId;
  const timeChanges = aim.atMs !== null && fromMs !== held.fromMs;
  return { holderId: aim.holderId, fromMs, toMs: fromMs + length, holderChanges, timeChanges, hindered: hindranceOf(held, { fromMs, holderChanges, timeChanges }, grid) };
}

function pulled(wanted: number, length: number, neighbours: readonly Span[], grid: Grid): number | null {
  let best: number | null = null;
  let nearest = grid.pullMs;
  for (const each of neighbours) {
    for (const begin of [each.toMs, each.fromMs - length]) {
      const off = Math.abs(begin - wanted);
      if (off < nearest) [best, nearest] = [begin, off];
    }
  }
  return best;
}

function hindranceOf(held: Held, change: { fromMs: number; holderChanges: boolean; timeChanges: boolean }, grid: Grid): Hindrance | null {
  if (change.holderChanges && held.lock && FIXES_CREW.includes(held.lock)) return "locked_crew";
  if (change.timeChanges && held.lock && FIXES_TIME.includes(held.lock)) return "locked_time";
  if (change.timeChanges && held.allowed && (change.fromMs < held.allowed.fromMs || change.fromMs > held.allowed.toMs)) return "locked_time";
  // A grain of patience: what begins within the step that is running is not in the past.
  return change.timeChanges && change.fromMs < grid.nowMs - grid.stepMs ? "past" : null;
}

/** The drop that follows another by keyboard: so many steps later or earlier, or somebody else's day. */
export function nudge(drop: Drop, by: { steps?: number; holderId?: string }, held: Held, grid: Grid): Drop {
  const fromMs = by.steps ? snapMs(drop.fromMs + by.steps * grid.stepMs, grid.zone, grid.stepMs) : drop.fromMs;
  return dropAt({ ...held, grabMs: 0 }, { holderId: by.holderId ?? drop.holderId, atMs: fromMs }, [], grid);
}
