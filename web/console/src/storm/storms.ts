// The storm in force and the jobs that nobody has, by area. Owns the reading and the calls; what a level changes is the server's data.

import type { AssignGroupAnswer, BoardCrew, StormGroup, StormView } from "@contract";
import { computed, effect, signal } from "@preact/signals";
import { get, post, wordsOf } from "../api/calls";
import { refresh } from "../api/live";
import { single } from "../api/single";
import { newId } from "../ids";
import { board, send, toast } from "../state";
import { count } from "../times";
import { t } from "../words";

const EVERY_MS = 30_000;
const SETTLE_MS = 1_500;

export const view = signal<StormView | null>(null);
export const problem = signal("");
export const level = computed(() => view.value?.storm?.level ?? 0);

/** Read the storm and its groups anew. */
export const look = single(async () => {
  if (!board.peek().loaded) return;
  try {
    view.value = await get<StormView>("/api/v1/storm");
    problem.value = "";
  } catch (error) {
    problem.value = wordsOf(error, t("no_server"));
  }
});

const signedIn = computed(() => board.value.loaded);
const jobs = computed(() => board.value.jobs);
effect(() => {
  if (!signedIn.value) {
    view.value = null;
    return;
  }
  void look();
  const timer = window.setInterval(() => document.hidden || void look(), EVERY_MS);
  return () => window.clearInterval(timer);
});

/** Follow the board while the panel is open: jobs come and go by the minute. Gives what stops it. */
export function follow(): () => void {
  let timer = 0;
  const stop = effect(() => {
    jobs.value;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void look(), SETTLE_MS);
  });
  return () => {
    window.clearTimeout(timer);
    stop();
  };
}

interface Declaration {
  readonly level: number;
  readonly districtIds: readonly string[];
  readonly note: string;
}

/** Declare a storm, or change the one of this id. */
export async function declare(stormId: string | null, said: Declaration): Promise<boolean> {
  const args = { storm_id: stormId ?? newId(), level: said.level, district_ids: [...said.districtIds], note: said.note };
  const sent = await send("declare_storm", args, { said: t(stormId ? "storm_changed" : "storm_declared") });
  await look();
  return sent.ok;
}

export async function end(stormId: string): Promise<void> {
  await send("end_storm", { storm_id: stormId }, { said: t("storm_ended") });
  await look();
}

/** Send a crew to every job of a group, one after the other from now on; each is answered by itself. */
export async function assignGroup(group: StormGroup, crew: BoardCrew): Promise<void> {
  const jobIds = group.job_ids ?? [];
  const who = crew.alone ? { person_id: crew.id } : { crew_id: crew.id };
  try {
    const done = await post<AssignGroupAnswer>("/api/v1/storm/assign-group", { job_ids: jobIds, ...who, begin_at: new Date().toISOString() });
    const took = done.items.filter((line) => line.status === "applied" || line.status === "merged");
    toast({ text: t("storm_assigned", { n: count(done.assigned), all: count(jobIds.length), crew: crew.name }), undo: took.map((line) => line.command_id) });
    const refused = done.items.find((line) => line.status === "rejected");
    if (refused?.text) toast({ text: refused.text, bad: true });
  } catch (error) {
    toast({ text: wordsOf(error, t("no_server")), bad: true });
  }
  refresh();
  await look();
}

/** Crews by how far they are from a place, those of unknown place last. Metres; null for unknown. */
export function crewsNear(group: StormGroup, crews: Iterable<BoardCrew>): { crew: BoardCrew; distanceM: number | null }[] {
  return [...crews]
    .map((crew) => {
      const [lon, lat] = [crew.place?.lon_deg ?? crew.lon_deg, crew.place?.lat_deg ?? crew.lat_deg];
      return { crew, distanceM: lon == null || lat == null ? null : distanceM(group.lon_deg, group.lat_deg, lon, lat) };
    })
    // Unknown is farther than anything on earth; Infinity less itself would be no number.
    .sort((a, b) => (a.distanceM ?? FAR_M) - (b.distanceM ?? FAR_M) || a.crew.name.localeCompare(b.crew.name, undefined, { numeric: true }));
}

const EARTH_M = 6_371_000;
const FAR_M = 1e9;

function distanceM(lonA: number, latA: number, lonB: number, latB: number): number {
  const rad = Math.PI / 180;
  const h = Math.sin(((latB - latA) * rad) / 2) ** 2 + Math.cos(latA * rad) * Math.cos(latB * rad) * Math.sin(((lonB - lonA) * rad) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(h));
}
