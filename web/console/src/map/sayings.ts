// What the map says about jobs and crews: one line each, in the person's language. Draws nothing.

import type { BoardCrew, BoardJob } from "@contract";
import { isEnded, lookOf } from "../state/reading";
import { ago, clock, count, minutesFromNow } from "../times";
import { t, words } from "../words";

export function minutesSaid(seconds: number): string {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 100 ? t("map_minutes", { n: minutes }) : t("map_hours", { n: (minutes / 60).toFixed(1) });
}

/** How the arrival clock of a job stands; empty without one. */
export function dueSaid(job: BoardJob): string {
  if (!job.due_at || isEnded(job)) return "";
  if (job.arrived_at) return t("map_arrived", { at: clock(job.arrived_at) });
  const late = minutesFromNow(job.due_at) < 0;
  return t(late ? "map_due_past" : "map_due", { at: clock(job.due_at), in: ago(job.due_at) });
}

export function jobSaid(job: BoardJob): string {
  const priority = job.priority && job.priority !== "normal" ? `${words(job.priority)}, ` : "";
  return [`${job.number}: ${job.title ?? ""}`, `${priority}${t(`look_${lookOf(job)}`)}`, dueSaid(job)].filter(Boolean).join("; ");
}

/** Where a crew was heard of last, and how exactly; says so when it never was. */
export function heardSaid(crew: BoardCrew): string {
  if (!crew.place) return t(typeof crew.lon_deg === "number" ? "map_crew_base" : "map_crew_nowhere");
  const heard = t("map_heard", { ago: ago(crew.place.at) });
  const accuracy = crew.place.accuracy_m ? ` ± ${count(Math.round(crew.place.accuracy_m))} m` : "";
  return `${heard}${accuracy}${crew.place.mock ? ` · ${t("map_mock")}` : ""}`;
}

/** What the phones of a crew have not sent; empty when they have sent all, as far as is known. */
export function unsentSaid(crew: BoardCrew): string {
  const unsent = (crew.phones ?? []).reduce((sum, phone) => sum + (phone.unsent ?? 0), 0);
  return unsent ? t("map_unsent", { n: unsent }) : "";
}
