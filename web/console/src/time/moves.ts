// Moves as commands: what is sent for a drop, a lock, a swap, a withdrawal. Pure; the server decides.

import type { BoardCrew, BoardVisit, Commands, LockKind, VisitLock } from "@contract";
import type { Drop } from "./drag";

/** The arguments of a command, without its name. */
type Args<Name extends keyof Commands> = Omit<Commands[Name], "name">;

const iso = (atMs: number): string => new Date(atMs).toISOString();

/** Name whose day it is as a command does: a crew, else a person. */
export function assignee(holderId: string, crews: ReadonlyMap<string, BoardCrew>): { crew_id: string } | { person_id: string } {
  const crew = crews.get(holderId);
  return crew && !crew.alone ? { crew_id: holderId } : { person_id: holderId };
}

/** Move a visit that stands to where it was dropped; a drop over a name leaves the time as it is. */
export function moveOf(visit: BoardVisit, drop: Drop, crews: ReadonlyMap<string, BoardCrew>): Args<"reassign_visit"> {
  const named = drop.holderChanges || !(visit.crew_id || visit.person_id) ? assignee(drop.holderId, crews) : whoHas(visit);
  return { ...about(visit), ...named, ...timesOf(drop) };
}

/** Send somebody to a job that nobody has; refused where somebody took it meanwhile. */
export function assignmentOf(jobId: string, visitId: string, drop: Drop, crews: ReadonlyMap<string, BoardCrew>): Args<"assign_visit"> {
  return { job_id: jobId, visit_id: visitId, ...assignee(drop.holderId, crews), ...timesOf(drop), only_if_open: true };
}

/** Fix what a kind of lock fixes, at the time that is planned; null takes the lock away. */
export function lockOf(visit: BoardVisit, kind: LockKind | null, patienceMs = 0): Args<"lock_visit"> {
  return { ...about(visit), lock: kind && lock(visit, kind, patienceMs) };
}

function lock(visit: BoardVisit, kind: LockKind, patienceMs: number): VisitLock {
  const planned = visit.planned_start_at;
  if (kind === "resource" || !planned) return { kind };
  if (kind !== "time_range") return { kind, from_at: planned };
  return { kind, from_at: iso(Date.parse(planned) - patienceMs), to_at: iso(Date.parse(planned) + patienceMs) };
}

/** Let two visits change who goes and when. */
export function swapOf(one: BoardVisit, other: BoardVisit): Args<"swap_visits"> {
  return { ...about(one), other_job_id: other.job_id, other_visit_id: other.id, other_plan_version: other.plan_version ?? 1 };
}

/** Take a visit back that nobody has begun. */
export function withdrawalOf(visit: BoardVisit): Args<"withdraw_visit"> {
  return about(visit);
}

function about(visit: BoardVisit): { job_id: string; visit_id: string; plan_version: number } {
  return { job_id: visit.job_id, visit_id: visit.id, plan_version: visit.plan_version ?? 1 };
}

function timesOf(drop: Drop): { planned_start_at?: string; planned_end_at?: string } {
  return drop.timeChanges ? { planned_start_at: iso(drop.fromMs), planned_end_at: iso(drop.toMs) } : {};
}

function whoHas(visit: BoardVisit): { crew_id: string } | { person_id: string } {
  return visit.crew_id ? { crew_id: visit.crew_id } : { person_id: visit.person_id ?? "" };
}
