// A day told again: the board as it stood at a moment, folded from the steps until then. Pure; asks nobody and reads no clock.

import type { BoardCrew, BoardJob, BoardPlace, BoardVisit, Replay, ReplayStep, ReplayTrack, VisitState } from "@contract";
import type { BoardState } from "../state/board";

const AT_SITE: ReadonlySet<VisitState> = new Set(["on_site", "working", "paused"]);
const ENDED: ReadonlySet<VisitState> = new Set(["completed", "follow_up_needed", "no_access", "cancelled", "declined"]);
/** So far back a trail reaches. */
const TRAIL_MS = 25 * 60_000;

type Spot = readonly [lon: number, lat: number];
interface Track {
  readonly who: string;
  readonly person: string;
  readonly fromMs: number;
  readonly track: ReplayTrack;
}

/** Tells a replay forwards step by step; going back it begins again. */
export class Telling {
  readonly fromMs: number;
  readonly toMs: number;
  readonly steps: readonly ReplayStep[];
  private readonly stepsMs: readonly number[];
  private readonly described: ReadonlyMap<string, Replay["jobs"][number]>;
  private readonly tracks: ReadonlyMap<string, readonly Track[]>;
  private readonly told: Replay;
  private jobs = new Map<string, BoardJob>();
  private visits = new Map<string, BoardVisit>();
  private held: Pick<BoardState, "jobs" | "visits" | "visitsOfJob" | "visitsOfCrew"> | null = null;
  private done = 0;

  constructor(told: Replay) {
    this.told = told;
    this.fromMs = Date.parse(told.from_at);
    this.toMs = Date.parse(told.to_at);
    this.steps = told.steps;
    this.stepsMs = told.steps.map((step) => Date.parse(step.at));
    this.described = new Map(told.jobs.map((job) => [job.id, job]));
    this.tracks = byHolder(told.tracks ?? [], this.fromMs);
    this.begin();
  }

  /** Tell the board of a moment. What does not change between moments — names, districts, shifts — is taken from `like`. */
  at(ms: number, like: BoardState): BoardState {
    const before = this.done;
    const wanted = this.countUntil(ms);
    if (wanted < this.done) this.begin();
    while (this.done < wanted) this.take(this.steps[this.done++]!);
    if (before !== this.done || !this.held) this.held = { jobs: new Map(this.jobs), visits: new Map(this.visits), ...grouped(this.visits) };
    const crews = new Map<string, BoardCrew>();
    for (const [id, crew] of like.crews) crews.set(id, this.placed(crew, ms));
    return { ...like, ...this.held, crews };
  }

  /** How many steps have happened until a moment. */
  countUntil(ms: number): number {
    let low = 0;
    let high = this.stepsMs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.stepsMs[middle]! <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** When a step happened, in milliseconds; null outside. */
  momentOf(step: number): number | null {
    return this.stepsMs[step] ?? null;
  }

  /** A job of the span, as it is described now. */
  jobOf(id: string): Replay["jobs"][number] | undefined {
    return this.described.get(id);
  }

  /** How many steps fall into each of so many equal parts of the span. */
  density(parts: number): number[] {
    const counts = new Array<number>(parts).fill(0);
    const span = Math.max(1, this.toMs - this.fromMs);
    for (const ms of this.stepsMs) {
      const part = Math.min(parts - 1, Math.max(0, Math.floor(((ms - this.fromMs) / span) * parts)));
      counts[part] = (counts[part] ?? 0) + 1;
    }
    return counts;
  }

  /** Where each crew drove until a moment: the last while of everybody, for `wholly` the whole span. */
  trails(ms: number, wholly: string | null): Spot[][] {
    const lines: Spot[][] = [];
    for (const [who, tracks] of this.tracks) {
      const fromMs = who === wholly ? -Infinity : ms - TRAIL_MS;
      for (const each of tracks) {
        const line = each.track.points.filter(([s]) => within(each.fromMs + s * 1000, fromMs, ms)).map(([, lon, lat]): Spot => [lon, lat]);
        const head = this.spotOn(each, ms);
        if (head && line.length) line.push(head);
        if (line.length > 1) lines.push(line);
      }
    }
    return lines;
  }

  private begin(): void {
    this.done = 0;
    this.held = null;
    this.jobs = new Map();
    for (const job of this.told.jobs) if (job.state) this.jobs.set(job.id, { ...job, state: job.state, arrived_at: arrivedBefore(job.arrived_at, this.fromMs) });
    this.visits = new Map(this.told.visits.map((visit) => [visit.id, { ...visit, plan_version: 1 }]));
  }

  private take(step: ReplayStep): void {
    const described = this.described.get(step.job_id);
    if (described) {
      const arrived = arrivedBefore(described.arrived_at, Date.parse(step.at)) ?? this.jobs.get(step.job_id)?.arrived_at ?? null;
      this.jobs.set(step.job_id, { ...described, state: step.job_state, arrived_at: arrived });
    }
    if (!step.visit_id || !step.visit_state) return;
    const known = this.visits.get(step.visit_id);
    const state = step.visit_state;
    this.visits.set(step.visit_id, {
      ...known,
      id: step.visit_id,
      job_id: step.job_id,
      state,
      plan_version: 1,
      crew_id: step.crew_id ?? null,
      person_id: step.person_id ?? null,
      planned_start_at: step.planned_start_at ?? null,
      planned_end_at: step.planned_end_at ?? null,
      ...(state === "en_route" && { travel_started_at: step.at }),
      ...(AT_SITE.has(state) && !known?.arrived_at && { arrived_at: step.at, recorded_at: step.recorded_at }),
      ...(state === "working" && !known?.work_started_at && { work_started_at: step.at }),
      ...(ENDED.has(state) && { ended_at: step.at }),
    });
  }

  private placed(crew: BoardCrew, ms: number): BoardCrew {
    let last: { place: BoardPlace; ms: number } | null = null;
    for (const each of this.tracks.get(crew.id) ?? []) {
      const at = this.heardOn(each, ms);
      if (at && (!last || at.ms > last.ms)) last = at;
    }
    return { ...crew, place: last?.place ?? null };
  }

  private heardOn(each: Track, ms: number): { place: BoardPlace; ms: number } | null {
    const spot = this.spotOn(each, ms);
    if (!spot) return null;
    const lastMs = each.fromMs + (each.track.points.at(-1)?.[0] ?? 0) * 1000;
    const heardMs = Math.min(ms, lastMs);
    return { ms: heardMs, place: { person_id: each.person, lon_deg: spot[0], lat_deg: spot[1], at: new Date(heardMs).toISOString() } };
  }

  /** Where somebody was on a track at a moment, between two points on the line between them; null before it begins. */
  private spotOn(each: Track, ms: number): Spot | null {
    const points = each.track.points;
    const second = (ms - each.fromMs) / 1000;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle]![0] <= second) low = middle + 1;
      else high = middle;
    }
    const before = points[low - 1];
    const after = points[low];
    if (!before) return null;
    if (!after) return [before[1], before[2]];
    const share = (second - before[0]) / Math.max(1e-9, after[0] - before[0]);
    return [before[1] + (after[1] - before[1]) * share, before[2] + (after[2] - before[2]) * share];
  }
}

function within(ms: number, fromMs: number, toMs: number): boolean {
  return ms >= fromMs && ms <= toMs;
}

function arrivedBefore(arrivedAt: string | null | undefined, ms: number): string | null {
  return arrivedAt && Date.parse(arrivedAt) <= ms ? arrivedAt : null;
}

/** Tracks by the id under which the board knows who drove: a crew's by the crew, and everybody's by the person. */
function byHolder(tracks: readonly ReplayTrack[], fromMs: number): Map<string, Track[]> {
  const found = new Map<string, Track[]>();
  for (const track of tracks) {
    const who = track.crew_id ?? track.person_id;
    found.set(who, [...(found.get(who) ?? []), { who, person: track.person_id, fromMs, track }]);
  }
  return found;
}

function grouped(visits: ReadonlyMap<string, BoardVisit>): Pick<BoardState, "visitsOfJob" | "visitsOfCrew"> {
  const visitsOfJob = new Map<string, BoardVisit[]>();
  const visitsOfCrew = new Map<string, BoardVisit[]>();
  const planned = [...visits.values()].sort((one, other) => (one.planned_start_at ?? "").localeCompare(other.planned_start_at ?? ""));
  for (const visit of planned) {
    for (const [groups, key] of [[visitsOfJob, visit.job_id], [visitsOfCrew, visit.crew_id ?? visit.person_id ?? ""]] as const) {
      if (!key) continue;
      const group = groups.get(key);
      if (group) group.push(visit);
      else groups.set(key, [visit]);
    }
  }
  return { visitsOfJob, visitsOfCrew };
}
