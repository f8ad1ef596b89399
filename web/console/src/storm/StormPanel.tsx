// Storm mode: declare it, change it, end it; and the jobs that nobody has, area by area, each given to a crew in one go.

import type { Storm, StormEffects, StormGroup, StormView } from "@contract";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { JobMark } from "../shell/JobMark";
import { board, hover, select, selectMany } from "../state";
import { clock, count } from "../times";
import { local, t, words } from "../words";
import { assignGroup, crewsNear, declare, end, follow, problem, view } from "./storms";
import "./storm.css";

/** Groups that are drawn before somebody asks for more, and crews that a group offers: the nearest ones. */
const GROUPS_AT_FIRST = 30;
const CREWS_OFFERED = 40;

export function StormPanel(): JSX.Element {
  useEffect(follow, []);
  const shown = view.value;
  return (
    <div class="storm">
      <p class="problem" role="alert">{problem.value}</p>
      {shown ? <Shown shown={shown} /> : <p class="hint">{t("inbox_loading")}</p>}
    </div>
  );
}

function Shown({ shown }: { shown: StormView }): JSX.Element {
  const storms = shown.storms?.length ? shown.storms : shown.storm ? [shown.storm] : [];
  const declaring = useSignal(false);
  const most = useSignal(GROUPS_AT_FIRST);
  const groups = shown.groups ?? [];
  return (
    <>
      {storms.length === 0 && <p>{t("storm_calm")}</p>}
      {storms.map((storm) => <InForce key={storm.id} storm={storm} levels={shown.levels} />)}
      {storms.length > 0 && !declaring.value
        ? <button type="button" onClick={() => (declaring.value = true)}>{t("storm_another")}</button>
        : <Declare storm={null} levels={shown.levels} done={() => (declaring.value = false)} />}
      <Counts shown={shown} />
      <section aria-labelledby="storm-groups" class="storm-groups">
        <h3 id="storm-groups">{t("storm_groups")} <span class="badge">{count(groups.length)}</span></h3>
        {shown.truncated && <p class="hint">{t("storm_truncated")}</p>}
        {(shown.counts.unplaced ?? 0) > 0 && <p class="hint">{t("storm_unplaced", { n: count(shown.counts.unplaced ?? 0) })}</p>}
        {groups.length === 0 && <p class="hint">{t("storm_no_groups")}</p>}
        <ul>{groups.slice(0, most.value).map((group) => <Group key={group.key} group={group} />)}</ul>
        {groups.length > most.value && <button type="button" onClick={() => (most.value += GROUPS_AT_FIRST)}>{t("storm_more", { n: count(groups.length - most.value) })}</button>}
      </section>
    </>
  );
}

function InForce({ storm, levels }: { storm: Storm; levels: readonly StormEffects[] }): JSX.Element {
  const mode = useSignal<"read" | "change" | "end">("read");
  const effects = levels.find((each) => each.level === storm.level);
  const districts = (storm.district_ids ?? []).map((id) => local(board.value.districts.get(id)?.name)).filter(Boolean).join(", ");
  return (
    <section class={`storm-now level-${storm.level}`} aria-label={t("storm_on", { level: storm.level, name: local(effects?.name) })}>
      <h3>{t("storm_on", { level: storm.level, name: local(effects?.name) })}</h3>
      <p>{districts || t("storm_everywhere")} · {t("storm_since", { time: clock(storm.declared_at) })}</p>
      {storm.note && <p>{storm.note}</p>}
      {effects && <Effects effects={effects} />}
      {mode.value === "change" ? <Declare storm={storm} levels={levels} done={() => (mode.value = "read")} /> : (
        <div class="inbox-do">
          <button type="button" onClick={() => (mode.value = "change")}>{t("storm_change")}</button>
          {mode.value === "end"
            ? <button type="button" class="main bad" onClick={() => void end(storm.id)}>{t("storm_end_sure")}</button>
            : <button type="button" onClick={() => (mode.value = "end")}>{t("storm_end")}</button>}
        </div>
      )}
    </section>
  );
}

function Effects({ effects }: { effects: StormEffects }): JSX.Element {
  const list = (priorities: readonly string[]): string => priorities.map(words).join(", ");
  return <p class="hint">{t("storm_sends", { list: list(effects.sends) })}. {t("storm_wakes", { list: list(effects.wakes) })}.</p>;
}

function Declare({ storm, levels, done }: { storm: Storm | null; levels: readonly StormEffects[]; done: () => void }): JSX.Element {
  const level = useSignal<number>(storm?.level ?? 1);
  const chosen = useSignal<readonly string[]>(storm?.district_ids ?? []);
  const note = useSignal(storm?.note ?? "");
  const districts = [...board.value.districts.values()].sort((a, b) => a.code.localeCompare(b.code));
  const group = `storm-level-${storm?.id ?? "new"}`;
  const effects = levels.find((each) => each.level === level.value);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (await declare(storm?.id ?? null, { level: level.value, districtIds: chosen.value, note: note.value.trim() })) done();
  }
  return (
    <form class="storm-form" onSubmit={(event) => void submit(event)}>
      <fieldset>
        <legend>{t("storm_level")}</legend>
        {levels.map((each) => (
          <label key={each.level}><input type="radio" name={group} checked={level.value === each.level} onChange={() => (level.value = each.level)} /> <b>{each.level}</b> {local(each.name)}</label>
        ))}
      </fieldset>
      {effects && <Effects effects={effects} />}
      <fieldset>
        <legend>{t("storm_where")}</legend>
        <label><input type="checkbox" checked={chosen.value.length === 0} onChange={() => (chosen.value = [])} /> {t("storm_everywhere")}</label>
        <div class="storm-districts">
          {districts.map((each) => (
            <label key={each.id}>
              <input
                type="checkbox" checked={chosen.value.includes(each.id)}
                onChange={() => (chosen.value = chosen.value.includes(each.id) ? chosen.value.filter((id) => id !== each.id) : [...chosen.value, each.id])}
              /> {local(each.name) || each.code}
            </label>
          ))}
        </div>
      </fieldset>
      <label class="storm-note">{t("storm_note")}<input maxLength={300} value={note.value} onInput={(event) => (note.value = event.currentTarget.value)} /></label>
      <div class="inbox-do">
        <button type="submit" class="main">{t(storm ? "storm_change" : "storm_declare")}</button>
        {storm && <button type="button" onClick={done}>{t("inbox_back")}</button>}
      </div>
    </form>
  );
}

function Counts({ shown }: { shown: StormView }): JSX.Element {
  const { counts } = shown;
  const lines = [
    [t("storm_unassigned"), counts.unassigned], [t("storm_taken"), counts.assigned], [t("storm_working"), counts.working],
    [t("storm_triage"), counts.awaiting_triage], [t("storm_last_hour"), counts.reported_last_hour],
  ] as const;
  return <dl class="storm-counts">{lines.map(([says, number]) => <div key={says}><dt>{says}</dt><dd>{count(number ?? 0)}</dd></div>)}</dl>;
}

const MOST_SHOWN = 50;

function Group({ group }: { group: StormGroup }): JSX.Element {
  const crewId = useSignal("");
  const busy = useSignal(false);
  const open = useSignal(false);
  const near = crewsNear(group, board.value.crews.values()).slice(0, CREWS_OFFERED);
  const crew = board.value.crews.get(crewId.value);
  async function assign(): Promise<void> {
    if (!crew) return;
    busy.value = true;
    await assignGroup(group, crew);
    busy.value = false;
  }
  return (
    <li class="storm-group">
      <p class="storm-head"><b>{group.label}</b> <span class="badge">{t(group.count === 1 ? "storm_group_one" : "storm_group", { n: count(group.count) })}</span></p>
      <p class="hint">
        {[
          words(group.worst_priority), group.worst_due_at ? t("storm_due", { time: clock(group.worst_due_at) }) : "", group.breached ? t("storm_breached", { n: count(group.breached) }) : "",
          group.waits ? t("storm_waits", { n: count(group.waits) }) : "", group.count > 1 ? t("storm_radius", { m: metres(group.radius_m) }) : "",
        ].filter(Boolean).join(" · ")}
      </p>
      <div class="inbox-do">
        <select aria-label={t("storm_crew", { area: group.label })} value={crewId.value} onChange={(event) => (crewId.value = event.currentTarget.value)}>
          <option value="">{t("storm_choose_crew")}</option>
          {near.map((each) => <option key={each.crew.id} value={each.crew.id}>{each.crew.name}{each.distanceM === null ? "" : ` · ${metres(each.distanceM)}`}</option>)}
        </select>
        <button type="button" class="main" disabled={!crew || busy.value} onClick={() => void assign()}>{t("storm_assign", { n: count(group.count) })}</button>
        <button type="button" onClick={() => selectMany(group.job_ids ?? [])}>{t("storm_show")}</button>
      </div>
      <details onToggle={(event) => (open.value = event.currentTarget.open)}>
        <summary>{t("storm_jobs", { area: group.label })}</summary>
        {open.value && <Jobs group={group} />}
      </details>
    </li>
  );
}

function Jobs({ group }: { group: StormGroup }): JSX.Element {
  return (
    <ul class="storm-jobs">
      {group.jobs?.slice(0, MOST_SHOWN).map((job) => {
        const held = board.value.jobs.get(job.id);
        return (
          <li key={job.id} onMouseEnter={() => hover("job", job.id)} onMouseLeave={() => hover(null)}>
            {held && <JobMark job={held} size={22} />}
            <button type="button" class="bare inbox-number" onClick={() => select(job.id)}>{job.number}</button> <span>{job.title || job.address}</span>
            {job.due_at && <span class="hint">{clock(job.due_at)}</span>}
          </li>
        );
      })}
    </ul>
  );
}

function metres(distance: number): string {
  return distance < 1000 ? `${count(Math.round(distance / 10) * 10)} m` : `${count(Math.round(distance / 100) / 10)} km`;
}
