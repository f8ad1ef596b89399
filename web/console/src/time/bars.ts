// What a visit is on the timeline: where its bar begins and ends, how it looks, what is late about it, what may be moved. Pure: the
// instant is passed in. Never decides whether a move takes effect; the server does.

import type { BoardJob, BoardVisit, LockKind, VisitState } from "@contract";
import { MINUTE_MS } from "./axis";

/** How a bar looks; each look has an icon of its own beside its colour. */
export type Look = "tentative" | "sent" | "accepted" | "travelling" | "working" | "paused" | "done" | "trouble";

/** What is late: the agreed arrival, the beginning, the end. */
export type Lateness = "arrival" | "begin" | "end";

export interface Bar {
  readonly visit: BoardVisit;
  readonly job: BoardJob | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  /** The way there, from its beginning to the arrival (or now); null before they leave. */
  readonly travelFromMs: number | null;
  /** Whether somebody set the time; without, the bar stands where the crew could begin at best. */
  readonly timed: boolean;
  readonly look: Look;
  readonly late: Lateness | null;
  readonly lock: LockKind | null;
  readonly movable: boolean;
}

/** Work of a type that says nothing about it is drawn an hour long. */
export const USUAL_MS = 60 * MINUTE_MS;
const PATIENCE_MS = 10 * MINUTE_MS;

const LOOKS: Record<VisitState, Look> = {
  tentative: "tentative", scheduled: "tentative", dispatched: "sent", accepted: "accepted", declined: "trouble", en_route: "travelling", on_site: "working",
  working: "working", paused: "paused", completed: "done", follow_up_needed: "trouble", no_access: "trouble", cancelled: "done",
};
const UNDER_WAY: readonly Look[] = ["travelling", "working", "paused"];
const NOT_BEGUN: readonly VisitState[] = ["tentative", "scheduled", "dispatched", "accepted", "declined"];

/** Whether a visit waits to be begun, so that a dispatcher may move it. */
export function isMovable(visit: BoardVisit): boolean {
  return NOT_BEGUN.includes(visit.state);
}

/** Whether a visit is part of somebody's day: not called off, and not declined by them. */
export function isShown(visit: BoardVisit): boolean {
  return visit.state !== "cancelled" && visit.state !== "declined";
}

const instant = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null);

/** Build the bar of a visit. An untimed one begins now; `queueUp` puts those of a crew behind each other. */
export function barOf(visit: BoardVisit, job: BoardJob | undefined, nowMs: number, usualMs: number = USUAL_MS): Bar {
  const planned = instant(visit.planned_start_at);
  const plannedEnd = instant(visit.planned_end_at);
  const arrived = instant(visit.arrived_at) ?? instant(visit.work_started_at);
  const left = instant(visit.travel_started_at);
  const ended = instant(visit.ended_at);
  const look = LOOKS[visit.state];
  const usual = planned !== null && plannedEnd !== null ? Math.max(plannedEnd - planned, 5 * MINUTE_MS) : usualMs;
  const begin = arrived ?? (look === "travelling" ? Math.max(nowMs, planned ?? 0) : (planned ?? left ?? (ended !== null ? ended - usual : nowMs)));
  let end = ended ?? (arrived !== null && plannedEnd !== null ? Math.max(plannedEnd, begin + 5 * MINUTE_MS) : begin + usual);
  const late = latenessOf(visit, job, { look, begin, end, planned, nowMs });
  if (late === "end") end = nowMs;
  return {
    visit, job, fromMs: begin, toMs: Math.max(end, begin + MINUTE_MS), travelFromMs: left, timed: planned !== null || arrived !== null || ended !== null || left !== null,
    look, late, lock: visit.lock?.kind ?? null, movable: isMovable(visit),
  };
}

const kept = new WeakMap<BoardVisit, { job: BoardJob | undefined; nowMs: number; bar: Bar }>();

/** The same as `barOf`, kept while neither the visit nor its job nor the time that matters to them changes. */
export function keptBar(visit: BoardVisit, job: BoardJob | undefined, nowMs: number, usualMs: number = USUAL_MS): Bar {
  const known = kept.get(visit);
  if (known && known.job === job && (known.nowMs === nowMs || visit.ended_at)) return known.bar;
  const bar = barOf(visit, job, nowMs, usualMs);
  kept.set(visit, { job, nowMs, bar });
  return bar;
}

interface Course {
  readonly look: Look;
  readonly begin: number;
  readonly end: number;
  readonly planned: number | null;
  readonly nowMs: number;
}

function latenessOf(visit: BoardVisit, job: BoardJob | undefined, course: Course): Lateness | null {
  if (visit.ended_at || course.look === "done" || course.look === "trouble") return null;
  const due = instant(job?.due_at);
  if (due !== null && !job?.arrived_at && !visit.arrived_at && course.begin > due) return "arrival";
  if ((course.look === "working" || course.look === "paused") && course.nowMs > course.end) return "end";
  const waits = !UNDER_WAY.includes(course.look) && course.planned !== null;
  return waits && course.nowMs > course.planned! + PATIENCE_MS ? "begin" : null;
}

/** Put the untimed bars of a crew behind what it does now and behind each other, most urgent first. */
export function queueUp(bars: readonly Bar[], nowMs: number): Bar[] {
  const untimed = bars.filter((bar) => !bar.timed).sort(byUrgency);
  if (!untimed.length) return [...bars];
  const taken = bars.filter((bar) => bar.timed && bar.look !== "done").sort((a, b) => a.fromMs - b.fromMs);
  const placed = new Map<Bar, Bar>();
  let at = nowMs;
  for (const bar of untimed) {
    const length = bar.toMs - bar.fromMs;
    for (const other of taken) if (other.fromMs < at + length && other.toMs > at) at = other.toMs;
    placed.set(bar, { ...bar, fromMs: at, toMs: at + length });
    at += length;
  }
  return bars.map((bar) => placed.get(bar) ?? bar);
}

const URGENCY = ["emergency", "urgent", "normal", "low"];

function byUrgency(a: Bar, b: Bar): number {
  const [first, second] = [a, b].map((bar) => URGENCY.indexOf(bar.job?.priority ?? "normal"));
  return first! - second! || (a.job?.due_at ?? "9").localeCompare(b.job?.due_at ?? "9") || a.visit.id.localeCompare(b.visit.id);
}
