// Binds the map to the shared state: what changes there is shown here, and the view goes into the address. Draws through the stage alone.

import { effect, untracked } from "@preact/signals";
import { board, type BoardState } from "../state/board";
import { hovered, litJobs, proposal, selectedCrew, selection } from "../state/selection";
import { urlText } from "../state/url";
import { crewFeatures, jobFeatures, type Shown } from "./features";
import { focusFeatures, ghostsOf, routeOf, waysOf } from "./overlays";
import { trails } from "../replay/replaying";
import type { Camera, Stage } from "./stage";
import { dropCrew, viewBoard, viewJobs, viewMs, ways } from "./view";
import { minutesSaid } from "./sayings";

const at = urlText("map");

/** Keep the map showing the state; gives what ends that. */
export function bind(stage: Stage): () => void {
  const jobs = holder();
  const ends = [
    effect(() => stage.showJobs(jobs(viewMs.value, (before) => jobFeatures(viewJobs.value.values(), stage.shift, viewMs.value, before)))),
    effect(() => stage.showCrews(crewsOf(viewBoard.value, stage, viewMs.value))),
    effect(() => {
      // Halos stand where jobs and crews do.
      void [viewJobs.value, viewBoard.value.crews, viewMs.value];
      stage.showFocus(focusFeatures({ jobs: stage.drawnJobs(), crews: stage.drawnCrews() }, lit()));
    }),
    effect(() => stage.showLines(linesOf(stage))),
  ];
  const moved = (): void => {
    at.value = cameraText(stage.camera());
  };
  stage.map.on("moveend", moved);
  return () => {
    for (const end of ends) end();
    stage.map.off("moveend", moved);
  };
}

/** The view that the address names; null when it names none. */
export function cameraInUrl(): Camera | null {
  const [lon, lat, zoom] = at.peek().split(",").map(Number);
  return [lon, lat, zoom].every((part) => Number.isFinite(part)) ? { lon: lon!, lat: lat!, zoom: zoom! } : null;
}

/** Show all that is on the map but what lies far away from the rest; the ground where there is nothing yet. */
export async function showAll(stage: Stage, animate = true): Promise<void> {
  const places = [...stage.drawnJobs().values(), ...stage.drawnCrews().values()].map((known) => known.feature.geometry.coordinates as [number, number]);
  const near = places.length ? withoutFar(places) : await stage.groundBounds().catch(() => null);
  if (near) stage.fit(near, animate);
}

/** One wrong coordinate must not show the whole earth: what lies far from the middle half is left out. */
function withoutFar(places: [number, number][]): [number, number][] {
  const bounds = [0, 1].map((axis) => {
    const sorted = places.map((place) => place[axis]!).sort((one, other) => one - other);
    const quarter = sorted[Math.floor(sorted.length * 0.25)]!;
    const three = sorted[Math.floor(sorted.length * 0.75)]!;
    const reach = Math.max(three - quarter, 0.02) * 3;
    return [quarter - reach, three + reach] as const;
  });
  const near = places.filter((place) => bounds.every(([low, high], axis) => place[axis]! >= low && place[axis]! <= high));
  return near.length ? near : places;
}

/** Keep features between turns as long as the moment is the same: then only what changed is made anew. */
function holder(): (ms: number, make: (before: Shown | undefined) => Shown) => Shown {
  let last: { ms: number; shown: Shown } | null = null;
  return (ms, make) => {
    const shown = make(last?.ms === ms ? last.shown : undefined);
    last = { ms, shown };
    return shown;
  };
}

function crewsOf(held: BoardState, stage: Stage, ms: number): Shown {
  const visitsOf = (id: string): ReturnType<BoardState["visitsOfCrew"]["get"]> & {} => held.visitsOfCrew.get(id) ?? [];
  return crewFeatures(held.crews.values(), { visitsOf, dueAt: (id) => held.jobs.get(id)?.due_at }, stage.shift, ms);
}

function lit(): Parameters<typeof focusFeatures>[1] {
  const on = hovered.value;
  const crews = new Set([selectedCrew.value, dropCrew.value, on?.kind === "crew" ? on.id : null].filter((id): id is string => Boolean(id)));
  return { selected: selection.value, jobs: litJobs(on), crews, hovered: on };
}

function linesOf(stage: Stage): ReturnType<typeof routeOf> {
  const held = viewBoard.value;
  const on = hovered.value;
  const crew = on?.kind === "crew" ? on.id : selectedCrew.value;
  const shift = stage.shift;
  return [
    ...trails(shift),
    ...(proposal.value ? ghostsOf(untracked(() => board.value), proposal.value, shift) : []),
    ...(crew ? routeOf(held, crew, shift) : []),
    ...(ways.value ? waysOf(held, ways.value, shift, minutesSaid) : []),
  ];
}

function cameraText({ lon, lat, zoom }: Camera): string {
  return `${lon.toFixed(5)},${lat.toFixed(5)},${zoom.toFixed(2)}`;
}
