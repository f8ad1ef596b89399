// Before and after: the day of each crew that a proposal changes, as two lines of the same hours. The list of changes says the same in words.

import type { PlanProposal } from "@contract";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { board, hover, litJobs, hovered } from "../state";
import { count, timeOfDay } from "../times";
import { t } from "../words";
import { tailOf } from "../time/BarView";
import { type DayDiff, dayDiffs, type Stop } from "./daydiff";

const FEW = 3;

export function DayStrips({ made }: { made: PlanProposal }): JSX.Element | null {
  const all = useSignal(false);
  const days = dayDiffs(made);
  if (!days.length) return null;
  const shown = all.value ? days : days.slice(0, FEW);
  return (
    <section class="strips" aria-label={t("plan_days_changed")}>
      <h3>{t("plan_days_changed")}</h3>
      {shown.map((day) => <Strip key={day.holderId} day={day} />)}
      {days.length > FEW && <button type="button" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>{all.value ? t("plan_fewer_days") : t("plan_more_days", { n: count(days.length - FEW) })}</button>}
    </section>
  );
}

function Strip({ day }: { day: DayDiff }): JSX.Element {
  const stops = [...day.before, ...day.after];
  const fromMs = Math.min(...stops.map((stop) => stop.fromMs));
  const toMs = Math.max(...stops.map((stop) => stop.toMs));
  const name = day.name || board.value.crews.get(day.holderId)?.name || "";
  return (
    <figure class="strip">
      <figcaption><b>{name}</b> <span class="hint">{timeOfDay(fromMs)}–{timeOfDay(toMs)}</span></figcaption>
      <Line says={t("plan_before")} stops={day.before} fromMs={fromMs} toMs={toMs} after={false} />
      <Line says={t("plan_after")} stops={day.after} fromMs={fromMs} toMs={toMs} after />
    </figure>
  );
}

function Line({ says, stops, fromMs, toMs, after }: { says: string; stops: readonly Stop[]; fromMs: number; toMs: number; after: boolean }): JSX.Element {
  const share = (atMs: number): number => ((atMs - fromMs) / Math.max(1, toMs - fromMs)) * 100;
  const lit = litJobs(hovered.value);
  return (
    <div class="strip-line">
      <span class="strip-says">{says}</span>
      <div class="strip-track" role="img" aria-label={`${says}: ${stops.map(stopWords).join("; ") || t("plan_day_empty")}`}>
        {stops.map((stop) => (
          <span
            key={stop.step.visit_id} class={`strip-stop ${after || stop.step.kind === "kept" ? stop.step.kind : "was"}${lit.has(stop.step.job_id) ? " lit" : ""}${stop.step.late && after ? " late" : ""}`}
            style={{ left: `${share(stop.fromMs)}%`, width: `${share(stop.toMs) - share(stop.fromMs)}%` }} title={stopWords(stop)}
            onMouseEnter={() => hover("job", stop.step.job_id)} onMouseLeave={() => hover(null)}
          >
            {tailOf(stop.step.number ?? "–")}
          </span>
        ))}
      </div>
    </div>
  );
}

function stopWords(stop: Stop): string {
  const shift = Math.round(stop.laterMs / 60_000);
  const moved = shift ? `, ${t(shift > 0 ? "plan_later" : "plan_earlier", { n: count(Math.abs(shift)) })}` : "";
  return `${stop.step.number} ${timeOfDay(stop.fromMs)}–${timeOfDay(stop.toMs)}${moved}`;
}
