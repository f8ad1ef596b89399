// What can be done with jobs: one of them, or all that are selected. Offers only what is possible for at least one.

import { keys } from "../keys";
import { openPanel } from "../panels";
import { insertUrgent } from "../plan/planning";
import { able, assign, close, release, reopen, withdraw } from "../state/actions";
import { board } from "../state/board";
import { isEnded, isUnderWay, standingVisit } from "../state/reading";
import { selection } from "../state/selection";
import { t } from "../words";
import { askCancel, askCrew, askHold, askTriage } from "./asking";

interface Possible {
  readonly open: string[];
  readonly given: string[];
  readonly held: string[];
  readonly holdable: string[];
  readonly closable: string[];
  readonly ended: string[];
  readonly untriaged: string[];
}

export function JobActions({ ids }: { ids: readonly string[] }) {
  const can = possible(ids);
  const only = ids.length === 1 ? ids[0] : undefined;
  return (
    <>
      {can.untriaged.length > 0 && <button type="button" class="main" onClick={() => askTriage(can.untriaged)}>{t("triage")}</button>}
      {can.open.length > 0 && <button type="button" class={can.untriaged.length ? "" : "main"} onClick={() => giveAway(can.open)}>{t("assign_to")}</button>}
      {only && can.open.length > 0 && openPanel.value !== "nearest" && <button type="button" onClick={() => (openPanel.value = "nearest")}>{t("nearest_crews")}</button>}
      {only && can.open.length > 0 && !can.given.length && openPanel.value !== "plan" && <button type="button" onClick={() => insertUrgent(only)}>{t("plan_urgent_do")}</button>}
      {can.given.length > 0 && <button type="button" onClick={() => void withdraw(can.given)}>{t("withdraw")}</button>}
      {can.holdable.length > 0 && <button type="button" onClick={() => askHold(can.holdable)}>{t("hold")}</button>}
      {can.held.length > 0 && <button type="button" onClick={() => void release(can.held)}>{t("release")}</button>}
      {can.open.length > 0 && <button type="button" onClick={() => askCancel(can.open)}>{t("cancel_jobs")}</button>}
      {can.closable.length > 0 && <button type="button" onClick={() => void close(can.closable)}>{t("close_jobs")}</button>}
      {can.ended.length > 0 && <button type="button" onClick={() => void reopen(can.ended, t("reopen_reason"))}>{t("reopen")}</button>}
    </>
  );
}

function possible(ids: readonly string[]): Possible {
  const held = board.value;
  return {
    open: able(ids, (job) => !isEnded(job)),
    given: able(ids, (job) => {
      const visit = standingVisit(held, job.id);
      return visit !== undefined && !isUnderWay(visit);
    }),
    held: able(ids, (job) => job.state === "on_hold"),
    holdable: able(ids, (job) => !isEnded(job) && job.state !== "on_hold"),
    closable: able(ids, (job) => job.state === "completed" || job.state === "cannot_complete"),
    ended: able(ids, (job) => job.state === "completed" || job.state === "cannot_complete"),
    untriaged: able(ids, (job) => job.state === "awaiting_triage" || job.state === "draft"),
  };
}

function giveAway(jobIds: readonly string[]): void {
  askCrew(jobIds, (crewId) => void assign(jobIds, crewId));
}

/** The same by keyboard, for what is selected; gives what takes it back. */
export function actionKeys(): () => void {
  const group = "selected_group" as const;
  const act = (of: keyof Possible, run: (ids: string[]) => void) => (): boolean => {
    const ids = possible([...selection.peek()])[of];
    if (ids.length) run(ids);
    return ids.length > 0;
  };
  return keys(
    { keys: ["s"], says: "assign_to", group, run: act("open", giveAway) },
    { keys: ["t"], says: "triage", group, run: act("untriaged", askTriage) },
    { keys: ["b"], says: "withdraw", group, run: act("given", (ids) => void withdraw(ids)) },
    { keys: ["h"], says: "hold", group, run: act("holdable", askHold) },
    { keys: ["Shift+h"], says: "release", group, run: act("held", (ids) => void release(ids)) },
    { keys: ["x", "Delete"], says: "cancel_jobs", group, run: act("open", askCancel) },
    { keys: ["c"], says: "close_jobs", group, run: act("closable", (ids) => void close(ids)) },
  );
}
