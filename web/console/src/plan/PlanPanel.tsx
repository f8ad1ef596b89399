// The panel of plans: what to ask for, what the answer would change, and the button that makes it so.

import type { PlanKind, PlanProposal } from "@contract";
import type { JSX } from "preact";
import { board, focusedJob, proposal } from "../state";
import { ago, clock, count } from "../times";
import { type Key, local, t, words } from "../words";
import { Costs } from "./Costs";
import { DayStrips } from "./DayStrips";
import { asked, busy, changes, chosen, commit, committed, discard, expired, flipAll, KINDS, missing, problem, propose } from "./planning";
import { Steps } from "./Steps";
import "./plan.css";

export function PlanPanel(): JSX.Element {
  const made = proposal.value;
  return (
    <div class="plan">
      <Form />
      <p class="problem" role="alert">{problem.value}</p>
      {made && <Result made={made} />}
      <Overtaken />
      {made && (
        <div class="plan-foot">
          <button type="button" onClick={discard}>{t("plan_discard")}</button>
          <button type="button" class="main" disabled={busy.value !== null || !chosen.value.length || expired.value} onClick={() => void commit()}>
            {busy.value === "committing" ? t("plan_committing") : t(chosen.value.length === 1 ? "plan_commit_one" : "plan_commit", { n: count(chosen.value.length) })}
          </button>
        </div>
      )}
    </div>
  );
}

const TITLES = { day: "plan_kind_day", urgent: "plan_kind_urgent", repair: "plan_kind_repair", storm: "plan_kind_storm" } as const satisfies Record<PlanKind, Key>;
const HINTS = { day: "plan_hint_day", urgent: "plan_hint_urgent", repair: "plan_hint_repair", storm: "plan_hint_storm" } as const satisfies Record<PlanKind, Key>;

function Form(): JSX.Element {
  const kind = asked.kind.value;
  const why = missing();
  return (
    <form class="plan-form" onSubmit={(event) => { event.preventDefault(); void propose(); }}>
      <fieldset class="plan-kinds">
        <legend class="away">{t("plan_kind")}</legend>
        {KINDS.map((each) => (
          <label key={each} class={each === kind ? "on" : ""}>
            <input type="radio" name="plan-kind" checked={each === kind} onChange={() => (asked.kind.value = each)} /> {t(TITLES[each])}
          </label>
        ))}
      </fieldset>
      <p class="hint">{t(HINTS[kind])}</p>
      <div class="plan-fields">
        {kind === "urgent" && <UrgentJob />}
        {kind === "repair" && <Absent />}
        {kind !== "urgent" && <District />}
        {(kind === "day" || kind === "storm") && (
          <label>{t("plan_days")}
            <input type="number" min={1} max={7} value={asked.days.value} onInput={(event) => (asked.days.value = Math.min(7, Math.max(1, event.currentTarget.valueAsNumber || 1)))} />
          </label>
        )}
      </div>
      <div class="plan-go">
        <button type="submit" class={proposal.value ? "" : "main"} disabled={busy.value !== null || why !== ""}>{busy.value === "asking" ? t("plan_asking") : t("plan_ask")}</button>
        <span class="hint" role="status">{busy.value === "asking" ? t("plan_asking") : why}</span>
      </div>
    </form>
  );
}

function UrgentJob(): JSX.Element | null {
  const job = board.value.jobs.get(focusedJob.value ?? "");
  return job ? <p><b>{job.number}</b> {job.title} <span class="hint">{words(job.priority ?? "normal")}</span></p> : null;
}

function District(): JSX.Element {
  const districts = [...board.value.districts.values()].sort((a, b) => a.code.localeCompare(b.code));
  return (
    <label>{t("plan_district")}
      <select value={asked.district.value} onChange={(event) => (asked.district.value = event.currentTarget.value)}>
        <option value="">{t("plan_everywhere")}</option>
        {districts.map((each) => <option key={each.id} value={each.id}>{local(each.name) || each.code}</option>)}
      </select>
    </label>
  );
}

function Absent(): JSX.Element {
  const crews = [...board.value.crews.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const absent = asked.absent.value;
  return (
    <div class="plan-absent">
      <label>{t("plan_absent")}
        <select value="" onChange={(event) => { if (event.currentTarget.value) asked.absent.value = [...absent, event.currentTarget.value]; }}>
          <option value="">{t("plan_absent_none")}</option>
          {crews.filter((crew) => !absent.includes(crew.id)).map((crew) => <option key={crew.id} value={crew.id}>{crew.name}</option>)}
        </select>
      </label>
      {absent.map((id) => (
        <button key={id} type="button" class="plan-chip" aria-label={t("plan_present", { crew: board.value.crews.get(id)?.name ?? "" })} onClick={() => (asked.absent.value = absent.filter((each) => each !== id))}>
          {board.value.crews.get(id)?.name} ×
        </button>
      ))}
    </div>
  );
}

function Result({ made }: { made: PlanProposal }): JSX.Element {
  const share = count(Math.round((made.disruption_share ?? 0) * 1000) / 10);
  const disruption = made.disruption ? t("plan_disruption", { n: count(made.disruption), all: count(made.standing ?? 0), share }) : t("plan_disruption_none");
  return (
    <div class="plan-result">
      <p role="status" class="plan-sum"><b>{changes.value.length ? t("plan_ready", { n: count(changes.value.length) }) : t("plan_nothing")}</b> <span>{disruption}</span></p>
      {expired.value && <p class="problem">{t("plan_expired")}</p>}
      {(made.broken?.length ?? 0) > 0 && (
        <div class="plan-broken" role="alert"><b>{t("plan_broken")}</b><ul>{made.broken?.map((line) => <li key={`${line.code} ${line.visit_id}`}>{line.text}</li>)}</ul></div>
      )}
      <Costs made={made} />
      <p class="hint">{t("plan_by", { ago: ago(made.made_at), planner: made.planner ?? "", sources: (made.sources ?? []).map(words).join(", ") })}. {t("plan_expires", { time: clock(made.expires_at) })}.</p>
      {made.notes?.map((note) => <p key={note} class="hint">{note}</p>)}
      {changes.value.length > 0 && (
        <>
          <DayStrips made={made} />
          <div class="plan-head">
            <h3>{t("plan_changes")}</h3>
            <button type="button" onClick={() => flipAll(true)}>{t("plan_all")}</button>
            <button type="button" onClick={() => flipAll(false)}>{t("plan_none")}</button>
          </div>
          <Steps planId={made.id} steps={changes.value} />
        </>
      )}
      <Unassigned made={made} />
    </div>
  );
}

function Unassigned({ made }: { made: PlanProposal }): JSX.Element | null {
  if (!made.unassigned?.length) return null;
  return (
    <section class="plan-unassigned" aria-label={t("plan_unassigned")}>
      <h3>{t("plan_unassigned")} <span class="badge">{count(made.unassigned.length)}</span></h3>
      <ul>
        {made.unassigned.map((line) => (
          <li key={line.job_id}>
            <b>{line.number}</b> {board.value.jobs.get(line.job_id)?.title}
            <ul class="plan-reasons">{line.why?.map((why) => <li key={why.code}>{t("plan_hindrance", { text: why.text, n: count(why.candidates ?? 0) })}</li>)}</ul>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Overtaken(): JSX.Element | null {
  const lines = committed.value?.overtaken ?? [];
  if (!lines.length) return null;
  return (
    <section class="plan-unassigned" aria-label={t("plan_overtaken")}>
      <h3>{t("plan_overtaken")}</h3>
      <ul>{lines.map((line) => <li key={line.visit_id}><b>{line.number}</b> {line.text} {line.now?.crew && <span class="hint">{line.now.crew}{line.now.begin_at ? `, ${clock(line.now.begin_at)}` : ""}</span>}</li>)}</ul>
    </section>
  );
}
