// The board as the server tells it: jobs, visits and crews by id, kept up to date. Nothing else changes them.

import type {
  Board, BoardChanges, BoardCrew, BoardDistrict, BoardJob, BoardJobType, BoardVisit,
} from "@contract";
import { signal } from "@preact/signals";

/** What is known of the organisation. Maps are replaced, never changed: compare them to see whether something is new. */
export interface BoardState {
  readonly loaded: boolean;
  readonly organisation: string;
  readonly zone: string;
  readonly fromAt: number;
  readonly toAt: number;
  readonly truncated: boolean;
  readonly jobs: ReadonlyMap<string, BoardJob>;
  readonly visits: ReadonlyMap<string, BoardVisit>;
  readonly crews: ReadonlyMap<string, BoardCrew>;
  readonly districts: ReadonlyMap<string, BoardDistrict>;
  readonly jobTypes: ReadonlyMap<string, BoardJobType>;
  /** All visits of a job, as planned. */
  readonly visitsOfJob: ReadonlyMap<string, readonly BoardVisit[]>;
  /** All visits of a crew, or of a person who is no crew's, as planned. */
  readonly visitsOfCrew: ReadonlyMap<string, readonly BoardVisit[]>;
}

const EMPTY: BoardState = {
  loaded: false, organisation: "", zone: "UTC", fromAt: 0, toAt: 0, truncated: false,
  jobs: new Map(), visits: new Map(), crews: new Map(), districts: new Map(), jobTypes: new Map(),
  visitsOfJob: new Map(), visitsOfCrew: new Map(),
};

export const board = signal<BoardState>(EMPTY);

// Beside the signal: it moves on with every commit of the database, and then there is mostly nothing to draw.
let version = "";

/** Where the board stands: what changes are asked from. */
export function boardVersion(): string {
  return version;
}

/** Begin with a whole board. */
export function takeBoard(shown: Board): void {
  const visits = byId(shown.visits);
  version = shown.version;
  board.value = {
    loaded: true,
    organisation: shown.organisation,
    zone: shown.zone,
    fromAt: Date.parse(shown.from_at),
    toAt: Date.parse(shown.to_at),
    truncated: shown.truncated ?? false,
    jobs: byId(shown.jobs),
    visits,
    crews: byId(shown.crews),
    districts: byId(shown.districts),
    jobTypes: new Map(shown.job_types.map((type) => [type.code, type])),
    ...grouped(visits),
  };
}

/** Take what changed since; true when the board has to be fetched anew. */
export function takeChanges(changes: BoardChanges): boolean {
  if (changes.reload) return true;
  const held = board.value;
  const jobsChange = Boolean(changes.jobs?.length || changes.gone_jobs?.length);
  const visitsChange = jobsChange || Boolean(changes.visits?.length || changes.gone_visits?.length);
  const crewsChange = Boolean(changes.crews?.length);
  version = changes.version;
  if (!visitsChange && !crewsChange) return false;
  const visits = visitsChange ? mergedVisits(held, changes) : held.visits;
  board.value = {
    ...held,
    jobs: jobsChange ? merged(held.jobs, changes.jobs, changes.gone_jobs) : held.jobs,
    crews: crewsChange ? merged(held.crews, changes.crews) : held.crews,
    visits,
    ...(visitsChange ? grouped(visits) : {}),
  };
  return false;
}

/** Forget everything: nobody is signed in. */
export function clearBoard(): void {
  version = "";
  board.value = EMPTY;
}

// The visits of a job that changed are all it has: what is held of it beyond them is gone.
function mergedVisits(held: BoardState, changes: BoardChanges): ReadonlyMap<string, BoardVisit> {
  const told = new Set((changes.visits ?? []).map((visit) => visit.id));
  const gone = new Set(changes.gone_visits ?? []);
  for (const id of [...(changes.jobs ?? []).map((job) => job.id), ...(changes.gone_jobs ?? [])]) {
    for (const visit of held.visitsOfJob.get(id) ?? []) if (!told.has(visit.id)) gone.add(visit.id);
  }
  return merged(held.visits, changes.visits, [...gone]);
}

function merged<Item extends { id: string }>(
  held: ReadonlyMap<string, Item>, changed: readonly Item[] = [], gone: readonly string[] = [],
): ReadonlyMap<string, Item> {
  const next = new Map(held);
  for (const item of changed) next.set(item.id, item);
  for (const id of gone) next.delete(id);
  return next;
}

function byId<Item extends { id: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.id, item]));
}

function grouped(visits: ReadonlyMap<string, BoardVisit>): Pick<BoardState, "visitsOfJob" | "visitsOfCrew"> {
  const visitsOfJob = new Map<string, BoardVisit[]>();
  const visitsOfCrew = new Map<string, BoardVisit[]>();
  for (const visit of visits.values()) {
    add(visitsOfJob, visit.job_id, visit);
    const who = whoOf(visit);
    if (who) add(visitsOfCrew, who, visit);
  }
  for (const each of [...visitsOfJob.values(), ...visitsOfCrew.values()]) each.sort(asPlanned);
  return { visitsOfJob, visitsOfCrew };
}

function add(groups: Map<string, BoardVisit[]>, key: string, visit: BoardVisit): void {
  const group = groups.get(key);
  if (group) group.push(visit);
  else groups.set(key, [visit]);
}

/** The id under which `crews` knows who has a visit; empty when nobody has it. */
export function whoOf(visit: BoardVisit): string {
  return visit.crew_id ?? visit.person_id ?? "";
}

function asPlanned(one: BoardVisit, other: BoardVisit): number {
  const first = one.planned_start_at ?? one.dispatched_at ?? "";
  const second = other.planned_start_at ?? other.dispatched_at ?? "";
  return first < second ? -1 : first > second ? 1 : one.id < other.id ? -1 : 1;
}
