// The changes of a proposal, one by one: before and after, the reasons, and why nobody else. Each can be struck out.

import type { PlanExplanation, PlanSpot, PlanStep } from "@contract";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { get, wordsOf } from "../api/calls";
import { board, hover, select } from "../state";
import { tailOf } from "../time/BarView";
import { struckOut } from "../time/view";
import { clock, count, timeOfDay } from "../times";
import { type Key, t } from "../words";
import { flip } from "./planning";

const KINDS = { added: "plan_step_added", reassigned: "plan_step_reassigned", moved: "plan_step_moved", removed: "plan_step_removed", kept: "plan_step_kept" } as const satisfies Record<PlanStep["kind"], Key>;
const SIGNS: Record<PlanStep["kind"], string> = { added: "+", reassigned: "⇄", moved: "↔", removed: "−", kept: "=" };

export function Steps({ planId, steps }: { planId: string; steps: readonly PlanStep[] }): JSX.Element {
  return <ul class="steps">{steps.map((step) => <Step key={step.visit_id} planId={planId} step={step} />)}</ul>;
}

function Step({ planId, step }: { planId: string; step: PlanStep }): JSX.Element {
  const number = step.number ?? "–";
  const on = !struckOut.value.has(step.visit_id);
  return (
    <li class={`step ${step.kind}${on ? "" : " out"}`} onMouseEnter={() => hover("job", step.job_id)} onMouseLeave={() => hover(null)}>
      <input type="checkbox" aria-label={t("plan_include", { number })} checked={on} onChange={() => flip(step.visit_id)} />
      <div class="step-body">
        <p class="step-head">
          <span class="step-kind"><span aria-hidden="true">{SIGNS[step.kind]}</span> {t(KINDS[step.kind])}</span>
          <button type="button" class="bare step-number" title={number} onClick={() => select(step.job_id)}>{tailOf(number)}</button>
          <span class="step-title">{board.value.jobs.get(step.job_id)?.title}</span>
        </p>
        <p class="step-ways">
          {step.before && <span class="step-was">{spotWords(step.before)}</span>}
          {step.before && step.after && <span aria-hidden="true">→</span>}
          {step.after && <span class="step-will">{spotWords(step.after)}</span>}
        </p>
        {step.after && <p class="hint">{details(step.after)}{step.late && <b class="missing"> {t("plan_step_late")}</b>}{step.frozen && <b> {t("plan_step_frozen")}</b>}</p>}
        <ul class="plan-reasons">{step.reasons?.map((reason) => <li key={reason.code}>{reason.text}</li>)}</ul>
        <Why planId={planId} step={step} />
      </div>
    </li>
  );
}

function spotWords(spot: PlanSpot): string {
  const crew = spot.crew || board.value.crews.get(spot.crew_id ?? spot.person_id ?? "")?.name || t("nobody");
  return spot.begin_at ? `${crew} ${clock(spot.begin_at)}` : crew;
}

function details(spot: PlanSpot): string {
  const parts = [];
  if (spot.earliest_at && spot.latest_at) parts.push(t("plan_arrival", { from: timeOfDay(spot.earliest_at), to: timeOfDay(spot.latest_at) }));
  if (spot.travel_s !== undefined && spot.travel_s !== null) parts.push(t("plan_drive", { n: count(Math.round(spot.travel_s / 60)) }));
  return parts.join(" · ");
}

/** Why nobody else: asked of the server when it is opened. */
function Why({ planId, step }: { planId: string; step: PlanStep }): JSX.Element {
  const told = useSignal<PlanExplanation | null>(null);
  const failed = useSignal("");
  async function open(event: Event): Promise<void> {
    if (!(event.currentTarget as HTMLDetailsElement).open || told.value) return;
    try {
      told.value = await get<PlanExplanation>(`/api/v1/plans/${planId}/visits/${step.visit_id}`);
    } catch (error) {
      failed.value = wordsOf(error, t("no_server"));
    }
  }
  return (
    <details onToggle={(event) => void open(event)}>
      <summary>{t("plan_why_not")}</summary>
      <p class="problem">{failed.value}</p>
      <ul class="plan-others">
        {told.value?.others?.map((other) => (
          <li key={`${other.crew_id} ${other.person_id} ${other.day}`}>
            <b>{other.crew}</b> {other.extra_travel_s ? <span class="hint">{t("plan_extra", { n: count(Math.round(other.extra_travel_s / 60)) })}</span> : null}
            {other.reasons?.map((reason) => <span key={reason.code} class="hint"> {reason.text}</span>)}
          </li>
        ))}
      </ul>
    </details>
  );
}
