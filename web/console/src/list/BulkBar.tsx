// What can be done with the selected jobs, all at once.

import { able, assign, clearSelection, close, release, selection, standingVisit, withdraw } from "../state";
import { board } from "../state/board";
import { isEnded, isUnderWay } from "../state/reading";
import { count } from "../times";
import { t } from "../words";
import { askCancel, askCrew, askHold } from "./asking";

export function BulkBar() {
  const ids = [...selection.value];
  const held = board.value;
  const open = able(ids, (job) => !isEnded(job));
  const given = able(ids, (job) => {
    const visit = standingVisit(held, job.id);
    return visit !== undefined && !isUnderWay(visit);
  });
  const onHold = able(ids, (job) => job.state === "on_hold");
  const holdable = able(ids, (job) => !isEnded(job) && job.state !== "on_hold");
  const closable = able(ids, (job) => job.state === "completed" || job.state === "cannot_complete");
  return (
    <div class="bulk" role="toolbar" aria-label={t("selected_actions")}>
      <b>{t("selected", { n: count(ids.length) })}</b>
      {open.length > 0 && <button type="button" class="main" onClick={() => askCrew(open, (crewId) => void assign(open, crewId))}>{t("assign_to")}</button>}
      {given.length > 0 && <button type="button" onClick={() => void withdraw(given)}>{t("withdraw")}</button>}
      {holdable.length > 0 && <button type="button" onClick={() => askHold(holdable)}>{t("hold")}</button>}
      {onHold.length > 0 && <button type="button" onClick={() => void release(onHold)}>{t("release")}</button>}
      {open.length > 0 && <button type="button" onClick={() => askCancel(open)}>{t("cancel_jobs")}</button>}
      {closable.length > 0 && <button type="button" onClick={() => void close(closable)}>{t("close_jobs")}</button>}
      <button type="button" class="bare" onClick={clearSelection}>{t("clear")}</button>
    </div>
  );
}
