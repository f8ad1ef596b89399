// The visits of a job: who, when it was planned, how far it came.

import { useComputed } from "@preact/signals";
import { board, whoOf } from "../state/board";
import { isOver } from "../state/reading";
import { hover, hovered } from "../state/selection";
import { Icon } from "../shell/Icon";
import { clock, timeOfDay } from "../times";
import { t, words } from "../words";

export function VisitList({ jobId }: { jobId: string }) {
  const visits = board.value.visitsOfJob.get(jobId) ?? [];
  const lit = useComputed(() => (hovered.value?.kind === "visit" ? hovered.value.id : ""));
  if (!visits.length) return <p class="hint">{t("no_visits")}</p>;
  return (
    <ul class="visits">
      {visits.map((visit) => {
        const who = board.value.crews.get(whoOf(visit));
        const planned = visit.planned_start_at && visit.planned_end_at
          ? t("planned", { from: clock(visit.planned_start_at), to: timeOfDay(visit.planned_end_at) })
          : visit.planned_start_at ? t("planned_from", { from: clock(visit.planned_start_at) }) : "";
        const steps = [
          visit.travel_started_at && `${words("en_route")} ${timeOfDay(visit.travel_started_at)}`,
          visit.arrived_at && `${words("on_site")} ${timeOfDay(visit.arrived_at)}`,
          visit.work_started_at && `${words("working")} ${timeOfDay(visit.work_started_at)}`,
          visit.ended_at && `${words(visit.state)} ${timeOfDay(visit.ended_at)}`,
        ].filter(Boolean).join(" · ");
        return (
          <li key={visit.id} class={`${isOver(visit) ? "over" : ""} ${lit.value === visit.id ? "lit" : ""}`}
            onMouseEnter={() => hover("visit", visit.id)} onMouseLeave={() => hover(null)}>
            <b>{who?.name ?? t("nobody")}</b> <span>{words(visit.state)}</span> {visit.lock && <Icon name="lock" size={12} />}
            <p class="hint">{[planned, steps, visit.reason].filter(Boolean).join(" · ")}</p>
          </li>
        );
      })}
    </ul>
  );
}
