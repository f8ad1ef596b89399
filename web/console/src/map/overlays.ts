// What is drawn over jobs and crews for a moment: halos, a crew's way through its day, ways of those who might go, a ghosted plan. Pure.

import type { BoardCrew, BoardJob, PlanProposal, PlanStep } from "@contract";
import type { Feature } from "geojson";
import type { BoardState } from "../state/board";
import { isOver } from "../state/reading";
import type { Hover } from "../state/selection";
import type { Shift } from "./datum";
import type { Shown } from "./features";
import { placeOf } from "./looks";
import type { Ways } from "./view";

type Place = [number, number];

/** So many selected jobs get a halo each; more are told by their number alone. */
const HALOS_MAX = 400;

/** Halos around what is selected and what is pointed at, the things themselves drawn again above them: a cluster must not hide them. */
export function focusFeatures(
  drawn: { jobs: Shown; crews: Shown },
  lit: { selected: ReadonlySet<string>; jobs: ReadonlySet<string>; crews: ReadonlySet<string>; hovered: Hover | null },
): Feature[] {
  const features: Feature[] = [];
  const add = (kind: "job" | "crew", id: string, halo: string, rank: number): void => {
    const found = (kind === "job" ? drawn.jobs : drawn.crews).get(id)?.feature;
    if (!found) return;
    if (halo) features.push({ ...found, properties: { kind: "halo", image: `halo|${halo}`, rank } });
    features.push({ ...found, properties: { kind, id, image: found.properties?.image, rank: rank + 1 } });
  };
  let halos = 0;
  for (const id of lit.selected) if (halos++ < HALOS_MAX) add("job", id, "selected", 0);
  for (const id of lit.jobs) add("job", id, lit.hovered?.kind === "crew" ? "lit" : "hovered", 2);
  for (const id of lit.crews) add("crew", id, "hovered", 4);
  return features;
}

/** The way of a crew through what it still has to do, with numbered stops. */
export function routeOf(held: BoardState, crewId: string, shift: Shift): Feature[] {
  const crew = held.crews.get(crewId);
  if (!crew) return [];
  const stops = (held.visitsOfCrew.get(crewId) ?? []).filter((visit) => !isOver(visit)).map((visit) => jobPlace(held.jobs.get(visit.job_id), shift));
  return wayThrough("route", crewPlace(crew, shift), stops);
}

function wayThrough(kind: string, from: Place | null, stops: readonly (Place | null)[]): Feature[] {
  const known = stops.filter((stop) => stop !== null);
  const line = from ? [from, ...known] : known;
  const features: Feature[] = known.map((at, index) => point(at, { kind: "stop", number: String(index + 1) }));
  if (line.length > 1) features.unshift(lineOf(line, { kind }));
  return features;
}

/** Ways from who might go to the job, the chosen one stronger, with how long it takes. */
export function waysOf(held: BoardState, ways: Ways, shift: Shift, said: (seconds: number) => string): Feature[] {
  const to = jobPlace(held.jobs.get(ways.jobId), shift);
  if (!to) return [];
  return ways.lines.flatMap((line, index): Feature[] => {
    const crew = held.crews.get(line.crew_id ?? line.person_id) ?? held.crews.get(line.person_id);
    const from = crew && crewPlace(crew, shift);
    if (!line.eligible || !from) return [];
    const chosen = index === ways.chosen;
    const way = lineOf([from, to], { kind: "way", chosen });
    return typeof line.travel_s === "number" && chosen ? [way, point(between(from, to), { kind: "sign", text: said(line.travel_s) })] : [way];
  });
}

/** A proposal beside the plan that stands: the way each crew whose day changes would go. */
export function ghostsOf(held: BoardState, proposal: PlanProposal, shift: Shift): Feature[] {
  const days = new Map<string, PlanStep[]>();
  const changed = new Set<string>();
  for (const step of proposal.steps ?? []) {
    const who = step.after?.crew_id ?? step.after?.person_id;
    if (!who) continue;
    days.set(who, [...(days.get(who) ?? []), step]);
    if (step.kind !== "kept") changed.add(who);
  }
  return [...changed].flatMap((who) => {
    const steps = (days.get(who) ?? []).toSorted((one, other) => (one.after?.begin_at ?? "").localeCompare(other.after?.begin_at ?? ""));
    const crew = held.crews.get(who);
    return wayThrough("ghost", crew ? crewPlace(crew, shift) : null, steps.map((step) => jobPlace(held.jobs.get(step.job_id), shift)));
  });
}

function jobPlace(job: BoardJob | undefined, shift: Shift): Place | null {
  return typeof job?.lon_deg === "number" && typeof job.lat_deg === "number" ? shift.to(job.lon_deg, job.lat_deg) : null;
}

function crewPlace(crew: BoardCrew, shift: Shift): Place | null {
  const at = placeOf(crew);
  return at && shift.to(at.lon, at.lat);
}

function between(one: Place, other: Place): Place {
  return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
}

function lineOf(coordinates: Place[], properties: Record<string, unknown>): Feature {
  return { type: "Feature", geometry: { type: "LineString", coordinates }, properties };
}

function point(coordinates: Place, properties: Record<string, unknown>): Feature {
  return { type: "Feature", geometry: { type: "Point", coordinates }, properties };
}
