// The map by keyboard, while it has the focus: from job to job and crew to crew, select, everything in view, who is near.

import { keys } from "../keys";
import { hover, hovered, select, selectedCrew, selectMany, toggle } from "../state/selection";
import { showAll } from "./binding";
import { openNearest } from "./nearest";
import { jobsInView } from "./pointing";
import { heardSaid, jobSaid, unsentSaid } from "./sayings";
import type { Stage } from "./stage";
import { lassoing, legendShown, spoken, tracksShown, viewBoard } from "./view";

const WITHIN = ".map-pane";
const CANVAS = ".map-pane canvas";

/** Register the commands; gives what takes them back. */
export function mapKeys(stage: Stage): () => void {
  const group = "keys_map" as const;
  return keys(
    { keys: ["n"], says: "map_key_next", group, within: WITHIN, run: () => walk(stage, "job", 1) },
    { keys: ["p"], says: "map_key_previous", group, within: WITHIN, run: () => walk(stage, "job", -1) },
    { keys: ["c"], says: "map_key_crew", group, within: WITHIN, run: () => walk(stage, "crew", 1) },
    { keys: ["Shift+c"], says: "map_key_crew_back", group, within: WITHIN, run: () => walk(stage, "crew", -1) },
    { keys: ["Enter"], says: "map_key_select", group, within: CANVAS, run: () => choose(false) },
    { keys: [" "], says: "map_key_toggle", group, within: CANVAS, run: () => choose(true) },
    { keys: ["v"], says: "map_key_view", group, within: WITHIN, run: () => selectMany(jobsInView(stage)) },
    { keys: ["l"], says: "map_lasso", group, within: WITHIN, run: () => flip(lassoing) },
    { keys: ["f"], says: "map_all", group, within: WITHIN, run: () => void showAll(stage) },
    { keys: ["t"], says: "map_tracks", group, within: WITHIN, run: () => flip(tracksShown) },
    { keys: ["g"], says: "map_legend", group, within: WITHIN, run: () => flip(legendShown) },
    { keys: ["a"], says: "map_key_nearest", group, run: () => openNearest() },
  );
}

function flip(state: { value: boolean }): void {
  state.value = !state.value;
}

/** Go to the next job or crew: from the middle of the map outwards, so that the first ones are in view. */
function walk(stage: Stage, kind: "job" | "crew", step: 1 | -1): boolean {
  const drawn = kind === "job" ? stage.drawnJobs() : stage.drawnCrews();
  const on = hovered.peek();
  const order = walkOrder(stage, kind, drawn.keys(), on?.kind === kind ? on.id : null);
  if (!order.length) return false;
  const from = on?.kind === kind ? order.indexOf(on.id) : -1;
  const next = order[(from + step + order.length) % order.length]!;
  hover(kind, next);
  spoken.value = saidOf(kind, next);
  const place = stage.placeOf(kind, next);
  const pixel = stage.pixelOf(kind, next);
  const { clientWidth, clientHeight } = stage.map.getContainer();
  const inView = pixel && pixel.x > 40 && pixel.y > 40 && pixel.x < clientWidth - 40 && pixel.y < clientHeight - 40;
  if (place && !inView) stage.map.easeTo({ center: place, duration: 300 });
  return true;
}

let walked: { kind: string; count: number; order: readonly string[] } | null = null;

/** The order stays while one goes through it: else the moving map would change it under one's feet. */
function walkOrder(stage: Stage, kind: "job" | "crew", ids: Iterable<string>, on: string | null): readonly string[] {
  const all = [...ids];
  if (walked && walked.kind === kind && walked.count === all.length && on && walked.order.includes(on)) return walked.order;
  const middle = stage.map.getCenter();
  const cos = Math.cos((middle.lat * Math.PI) / 180);
  const far = new Map(all.map((id) => {
    const [lon, lat] = stage.placeOf(kind, id) ?? [0, 0];
    return [id, ((lon - middle.lng) * cos) ** 2 + (lat - middle.lat) ** 2];
  }));
  const order = all.sort((one, other) => far.get(one)! - far.get(other)!);
  walked = { kind, count: order.length, order };
  return order;
}

function saidOf(kind: "job" | "crew", id: string): string {
  const held = viewBoard.peek();
  const job = kind === "job" ? held.jobs.get(id) : undefined;
  const crew = kind === "crew" ? held.crews.get(id) : undefined;
  return job ? jobSaid(job) : crew ? `${crew.name}; ${[heardSaid(crew), unsentSaid(crew)].filter(Boolean).join("; ")}` : "";
}

function choose(adding: boolean): boolean {
  const on = hovered.peek();
  if (on?.kind === "job") {
    if (adding) toggle(on.id);
    else select(on.id);
    return true;
  }
  if (on?.kind !== "crew") return false;
  selectedCrew.value = selectedCrew.peek() === on.id ? "" : on.id;
  return true;
}
