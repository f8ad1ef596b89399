// What the board means: who has a job, how it stands, how much of its arrival clock has run. Pure: the time is passed in.

import type { BoardCrew, BoardJob, BoardVisit, VisitState } from "@contract";
import { type BoardState, whoOf } from "./board";

/** How a job is drawn everywhere: each look has a colour and a shape of its own. */
export type Look = "triage" | "unassigned" | "assigned" | "working" | "held" | "done" | "cancelled";

/** Steps of the arrival clock that are told apart. */
export type Band = "calm" | "half" | "most" | "late";

const OVER: ReadonlySet<VisitState> = new Set(["completed", "follow_up_needed", "no_access", "cancelled", "declined"]);
const UNDER_WAY: ReadonlySet<VisitState> = new Set(["en_route", "on_site", "working", "paused"]);
const ENDED_JOBS: ReadonlySet<string> = new Set(["completed", "closed", "cannot_complete", "cancelled"]);

/** Tell whether nothing more happens to a visit. */
export function isOver(visit: BoardVisit): boolean {
  return OVER.has(visit.state);
}

/** Tell whether somebody has begun a visit: then the plan no longer moves it. */
export function isUnderWay(visit: BoardVisit): boolean {
  return UNDER_WAY.has(visit.state);
}

/** Tell whether a job has ended. */
export function isEnded(job: BoardJob): boolean {
  return ENDED_JOBS.has(job.state);
}

/** The visit that stands for a job: under way before planned; none when nobody has it. */
export function standingVisit(held: BoardState, jobId: string): BoardVisit | undefined {
  const standing = (held.visitsOfJob.get(jobId) ?? []).filter((visit) => !isOver(visit));
  return standing.find(isUnderWay) ?? standing[0];
}

/** Who has a job now. */
export function crewOf(held: BoardState, jobId: string): BoardCrew | undefined {
  const visit = standingVisit(held, jobId);
  return visit && held.crews.get(whoOf(visit));
}

export function lookOf(job: BoardJob): Look {
  switch (job.state) {
    case "draft":
    case "awaiting_triage":
      return "triage";
    case "ready":
      return "unassigned";
    case "scheduled":
      return "assigned";
    case "in_progress":
      return "working";
    case "on_hold":
      return "held";
    case "cancelled":
      return "cancelled";
    default:
      return "done";
  }
}

/** How much of the arrival clock has run: 0.5 is half, above 1 is late; null without a clock. Stops with the arrival. */
export function shareOf(job: BoardJob, nowMs: number): number | null {
  if (!job.due_at) return null;
  const reportedMs = Date.parse(job.reported_at);
  const untilMs = job.arrived_at ? Date.parse(job.arrived_at) : nowMs;
  const allMs = Date.parse(job.due_at) - reportedMs;
  return allMs > 0 ? Math.max(0, (untilMs - reportedMs) / allMs) : 1;
}

export function bandOf(share: number | null): Band {
  if (share === null || share < 0.5) return "calm";
  return share < 0.75 ? "half" : share < 1 ? "most" : "late";
}

/** Milliseconds until somebody must have arrived; Infinity when nobody must, or somebody has. */
export function slackMs(job: BoardJob, nowMs: number): number {
  return job.due_at && !job.arrived_at && !isEnded(job) ? Date.parse(job.due_at) - nowMs : Infinity;
}
