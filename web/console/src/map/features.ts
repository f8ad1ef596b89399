// The board as features of the map, and what changed of them. Pure; knows no map and reads no clock.

import type { BoardCrew, BoardJob, BoardVisit } from "@contract";
import type { Feature, FeatureCollection, Point } from "geojson";
import type { GeoJSONSourceDiff } from "maplibre-gl";
import { type Look, lookOf } from "../state/reading";
import type { Shift } from "./datum";
import { PAST_LIMIT, ageOf, arcOf, crewImage, jobImage, placeOf, standingOf } from "./looks";

export type Place = readonly [number, number];

/** A feature, what it was made of, and a text that differs when it does. */
export interface Known {
  readonly of: BoardJob | BoardCrew;
  readonly feature: Feature<Point>;
  readonly seen: string;
}

export type Shown = Map<string, Known>;

/** Metres of a pixel at zoom 0 on the equator, tiles of 512 pixels. */
const METRES_AT_ZOOM_0 = 78271.517;
const COUNTED: Readonly<Record<Look, string>> = { triage: "u", unassigned: "u", assigned: "a", working: "w", held: "h", done: "h", cancelled: "h" };

/** Make the features of jobs that have a place. `before` saves work at the same `nowMs`: a job that is the very same looks the same. */
export function jobFeatures(jobs: Iterable<BoardJob>, shift: Shift, nowMs: number, before?: ReadonlyMap<string, Known>): Shown {
  const shown: Shown = new Map();
  for (const job of jobs) {
    const known = before?.get(job.id);
    if (known?.of === job) {
      shown.set(job.id, known);
      continue;
    }
    if (typeof job.lon_deg !== "number" || typeof job.lat_deg !== "number") continue;
    const image = jobImage(job, nowMs);
    const place = shift.none ? [job.lon_deg, job.lat_deg] : shift.to(job.lon_deg, job.lat_deg);
    const urgent = job.priority === "emergency" ? 2 : job.priority === "urgent" ? 1 : 0;
    const properties = {
      id: job.id,
      image,
      number: job.number,
      rank: urgent,
      [COUNTED[lookOf(job)]]: 1,
      late: arcOf(job, nowMs) >= PAST_LIMIT ? 1 : 0,
    };
    shown.set(job.id, { of: job, feature: point(job.id, place, properties), seen: `${image}|${place[0]}|${place[1]}|${job.number}` });
  }
  return shown;
}

/** Make the features of crews that have a place; `visitsOf` gives a crew's visits, `dueAt` a job's limit of arrival. */
export function crewFeatures(
  crews: Iterable<BoardCrew>,
  from: { visitsOf: (id: string) => readonly BoardVisit[]; dueAt: (jobId: string) => string | null | undefined },
  shift: Shift,
  nowMs: number,
): Shown {
  const shown: Shown = new Map();
  for (const crew of crews) {
    const at = placeOf(crew);
    if (!at) continue;
    const age = crew.place ? ageOf(Date.parse(crew.place.at), nowMs) : "stale";
    const image = crewImage(standingOf(from.visitsOf(crew.id), from.dueAt, nowMs), age, crew.place?.mock ?? false);
    const place = shift.to(at.lon, at.lat);
    const accuracy = crew.place?.accuracy_m ?? 0;
    const properties = { id: crew.id, image, age, name: crew.code || crew.name, accuracy: accuracy / (METRES_AT_ZOOM_0 * Math.cos((at.lat * Math.PI) / 180)) };
    shown.set(crew.id, { of: crew, feature: point(crew.id, place, properties), seen: `${image}|${place[0]}|${place[1]}|${accuracy}|${properties.name}` });
  }
  return shown;
}

function point(id: string, place: readonly number[], properties: Record<string, unknown>): Feature<Point> {
  return { type: "Feature", id, geometry: { type: "Point", coordinates: [place[0]!, place[1]!] }, properties };
}

export function collectionOf(shown: Shown): FeatureCollection<Point> {
  return { type: "FeatureCollection", features: Array.from(shown.values(), (known) => known.feature) };
}

/** Say what to change on the map to come from one state to another; null when nothing does. */
export function diffOf(before: Shown, after: Shown): GeoJSONSourceDiff | null {
  const remove: string[] = [];
  const add: Feature[] = [];
  for (const id of before.keys()) if (!after.has(id)) remove.push(id);
  for (const [id, known] of after) if (before.get(id)?.seen !== known.seen) add.push(known.feature);
  return remove.length || add.length ? { remove, add } : null;
}
