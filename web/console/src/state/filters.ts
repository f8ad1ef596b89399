// Which jobs are shown, in all panes alike, and in which order the list has them. All of it is in the address.

import type { BoardJob } from "@contract";
import { computed } from "@preact/signals";
import { now } from "../times";
import { board, type BoardState } from "./board";
import { type Band, bandOf, crewOf, isEnded, type Look, lookOf, shareOf, slackMs } from "./reading";
import { urlText } from "./url";

export type Order = "due" | "priority" | "newest" | "number";

const LOOKS: readonly Look[] = ["triage", "unassigned", "assigned", "working", "held", "done", "cancelled"];
// Unassigned first: that is what a dispatcher is there for.
const RANK: Readonly<Record<Look, number>> = { unassigned: 0, triage: 1, held: 2, assigned: 3, working: 4, done: 5, cancelled: 6 };
const PRIORITIES: readonly string[] = ["emergency", "urgent", "normal", "low"];

/** Each filter is text in the address; empty lets everything through. Alternatives are parted by dots. */
export const filters = {
  text: urlText("q"),
  looks: urlText("state"),
  priorities: urlText("priority"),
  districts: urlText("district"),
  types: urlText("type"),
  crew: urlText("of"),
  band: urlText("clock"),
  flagged: urlText("flagged"),
  order: urlText("sort"),
};

/** The alternatives that a filter lets through. */
export function chosen(filter: { readonly value: string }): ReadonlySet<string> {
  return new Set(filter.value.split(".").filter(Boolean));
}

/** Let one alternative more or less through. */
export function flip(filter: { value: string }, alternative: string): void {
  const next = new Set(chosen(filter));
  if (!next.delete(alternative)) next.add(alternative);
  filter.value = [...next].join(".");
}

export function clearFilters(): void {
  for (const [name, filter] of Object.entries(filters)) if (name !== "order") filter.value = "";
}

/** How many filters hold something back. */
export const filterCount = computed(
  () => Object.entries(filters).filter(([name, filter]) => name !== "order" && filter.value).length,
);

/** The jobs that all filters let through, by id. Without a filter of states those that have ended are left out. */
export const shownJobs = computed<ReadonlyMap<string, BoardJob>>(() => {
  const held = board.value;
  const lets = test(held);
  const found = new Map<string, BoardJob>();
  for (const [id, job] of held.jobs) if (lets(job)) found.set(id, job);
  return found;
});

/** The same in the order of the list: unassigned first, then by what is chosen. */
export const orderedJobs = computed<readonly BoardJob[]>(() => {
  const compare = comparison((filters.order.value || "due") as Order);
  return [...shownJobs.value.values()].sort(
    (one, other) => RANK[lookOf(one)] - RANK[lookOf(other)] || compare(one, other) || compareText(one.number, other.number),
  );
});

function test(held: BoardState): (job: BoardJob) => boolean {
  const looks = chosen(filters.looks);
  const priorities = chosen(filters.priorities);
  const districts = chosen(filters.districts);
  const types = chosen(filters.types);
  const crew = filters.crew.value;
  const bands = chosen(filters.band) as ReadonlySet<Band>;
  const words = filters.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const flagged = filters.flagged.value !== "";
  // The time is read only where a filter needs it: otherwise everything would be sorted anew every few seconds.
  const at = bands.size ? now.value : 0;
  return (job) =>
    (looks.size ? looks.has(lookOf(job)) : !isEnded(job)) &&
    (!priorities.size || priorities.has(job.priority ?? "normal")) &&
    (!districts.size || districts.has(job.district_id ?? "")) &&
    (!types.size || types.has(job.type)) &&
    (!bands.size || bands.has(bandOf(shareOf(job, at)))) &&
    (!flagged || Boolean(job.flags?.length || job.conflicts)) &&
    (!crew || crewOf(held, job.id)?.id === crew) &&
    (!words.length || saysAll(job, held, words));
}

function saysAll(job: BoardJob, held: BoardState, words: readonly string[]): boolean {
  const district = held.districts.get(job.district_id ?? "");
  const crew = crewOf(held, job.id);
  const text = [job.number, job.title, job.address, job.type, district?.name.en, district?.name.zh, crew?.name]
    .filter(Boolean).join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function comparison(order: Order): (one: BoardJob, other: BoardJob) => number {
  switch (order) {
    case "priority":
      return (one, other) => placeOf(one).rank - placeOf(other).rank || placeOf(one).dueMs - placeOf(other).dueMs;
    case "newest":
      return (one, other) => compareText(other.reported_at, one.reported_at);
    case "number":
      return (one, other) => compareText(one.number, other.number);
    default:
      return (one, other) => placeOf(one).dueMs - placeOf(other).dueMs || placeOf(one).rank - placeOf(other).rank;
  }
}

interface Place {
  readonly rank: number;
  readonly dueMs: number;
}

// A job is never changed, only replaced: what it is sorted by is read from it once.
const places = new WeakMap<BoardJob, Place>();

function placeOf(job: BoardJob): Place {
  let place = places.get(job);
  if (!place) {
    // Equal dues must compare as equal, and so must two jobs that nobody waits for: Infinity less itself is no number.
    place = { rank: PRIORITIES.indexOf(job.priority ?? "normal"), dueMs: Math.min(slackMs(job, 0), Number.MAX_SAFE_INTEGER) };
    places.set(job, place);
  }
  return place;
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

export { LOOKS, PRIORITIES };
