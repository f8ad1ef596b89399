// What a job and a crew look like on the map: clocks, standing, age. Pure; draws nothing and reads no clock.

import type { BoardCrew, BoardJob, BoardVisit } from "@contract";
import { isUnderWay, type Look, lookOf, shareOf } from "../state/reading";

/** How a crew's day stands: nothing planned, on time, about to be late, late. */
export type Standing = "idle" | "on_time" | "slipping" | "late";
/** How old a position is: up to 5 min, 15 min, an hour, older. */
export type Age = "now" | "recent" | "old" | "stale";

export const STANDINGS: readonly Standing[] = ["idle", "on_time", "slipping", "late"];
/** Steps of the arc; one more is past the limit. */
export const ARC_STEPS = 20;
export const PAST_LIMIT = ARC_STEPS + 1;
export const NO_ARC = -1;

const MINUTE_MS = 60_000;
/** So long before its beginning a visit whose crew has not left counts as slipping. */
const SLIPPING_MS = 10 * MINUTE_MS;
const AGES: readonly (readonly [Age, number])[] = [["now", 5 * MINUTE_MS], ["recent", 15 * MINUTE_MS], ["old", 60 * MINUTE_MS]];
const AHEAD: ReadonlySet<string> = new Set(["scheduled", "dispatched", "accepted"]);
const OVER: ReadonlySet<Look> = new Set(["done", "cancelled"]);

/** The step of the arc to draw; none where the clock no longer matters: somebody has arrived in time, or the job is over. */
export function arcOf(job: BoardJob, nowMs: number): number {
  if (OVER.has(lookOf(job))) return NO_ARC;
  const share = shareOf(job, nowMs);
  if (share === null || (job.arrived_at && share <= 1)) return NO_ARC;
  return share > 1 ? PAST_LIMIT : Math.floor(share * ARC_STEPS);
}

/** The name of a job's image: everything that the drawing depends on. */
export function jobImage(job: BoardJob, nowMs: number): string {
  const badge = (job.conflicts ?? 0) > 0 ? "conflict" : (job.flags?.length ?? 0) > 0 ? "flag" : "";
  return `job|${lookOf(job)}|${job.priority ?? "normal"}|${arcOf(job, nowMs)}|${badge}`;
}

export function ageOf(atMs: number, nowMs: number): Age {
  for (const [age, until] of AGES) if (nowMs - atMs <= until) return age;
  return "stale";
}

/** How a crew's day stands, from its visits; `dueAt` gives when somebody must have arrived at a job. */
export function standingOf(visits: readonly BoardVisit[], dueAt: (jobId: string) => string | null | undefined, nowMs: number): Standing {
  let standing: Standing = "idle";
  for (const visit of visits) {
    const ahead = AHEAD.has(visit.state);
    if (!ahead && !isUnderWay(visit)) continue;
    if (standing === "idle") standing = "on_time";
    const due = dueAt(visit.job_id);
    if (!visit.arrived_at && due && Date.parse(due) < nowMs) return "late";
    const end = visit.planned_end_at ? Date.parse(visit.planned_end_at) : Infinity;
    const start = visit.planned_start_at ? Date.parse(visit.planned_start_at) : Infinity;
    if (end < nowMs || (ahead && start + SLIPPING_MS < nowMs)) return "late";
    if (ahead && start - SLIPPING_MS < nowMs) standing = "slipping";
  }
  return standing;
}

/** The name of a crew's image. */
export function crewImage(standing: Standing, age: Age, mock: boolean): string {
  return `crew|${standing}|${age}|${mock ? "mock" : ""}`;
}

/** Where a crew is shown: where it was heard of last, else the place it starts from; null when neither is known. */
export function placeOf(crew: BoardCrew): { lon: number; lat: number; heard: boolean } | null {
  if (crew.place) return { lon: crew.place.lon_deg, lat: crew.place.lat_deg, heard: true };
  if (typeof crew.lon_deg === "number" && typeof crew.lat_deg === "number") return { lon: crew.lon_deg, lat: crew.lat_deg, heard: false };
  return null;
}
