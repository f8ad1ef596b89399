// How much time is left for an arrival, in as few characters as will do.

import type { BoardJob } from "@contract";
import { isEnded } from "../state/reading";
import { timeOfDay } from "../times";
import { t } from "../words";

const MINUTE_MS = 60_000;

/** Say what is left until somebody must arrive, when somebody came, or nothing where there is no clock. */
export function leftOf(job: BoardJob, slackMs: number): string {
  if (job.arrived_at) return t("came", { time: timeOfDay(job.arrived_at) });
  if (!job.due_at || isEnded(job)) return "";
  const minutes = Math.trunc(slackMs / MINUTE_MS);
  const text = span(Math.abs(minutes));
  return slackMs < 0 ? t("over_by", { time: text }) : t("left", { time: text });
}

function span(minutes: number): string {
  if (minutes < 60) return t("minutes", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return t("hours", { h: hours, m: String(minutes % 60).padStart(2, "0") });
  return t("days", { n: Math.floor(hours / 24) });
}
