// The list of jobs: unassigned first, then by how little time is left. Bound to the other panes by selection and hover.

import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { keys } from "../keys";
import { openPanel } from "../panels";
import { board } from "../state/board";
import { orderedJobs } from "../state/filters";
import { clearSelection, focusedJob, hovered, litJobs, select, selection, selectMany, toggle } from "../state/selection";
import { count } from "../times";
import { t } from "../words";
import { BulkBar } from "./BulkBar";
import { FilterBar } from "./FilterBar";
import { actionKeys } from "./JobActions";
import { JobRow, ROW_REM } from "./JobRow";
import { useRows } from "./virtual";

export function JobList() {
  const scroller = useRef<HTMLDivElement>(null);
  const jobs = orderedJobs.value;
  const chosen = selection.value;
  const lit = useComputed(() => litJobs(hovered.value));
  const rowPx = ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const rows = useRows(scroller, jobs.length, rowPx);
  const active = focusedJob.value;

  // Where the selection comes from another pane, the row comes into view; the list itself moves only by its own keys.
  useEffect(() => {
    const index = active ? jobs.findIndex((job) => job.id === active) : -1;
    if (index >= 0) rows.show(index);
  }, [active]);

  useEffect(() => listKeys((index) => rows.show(index)), []);
  useEffect(actionKeys, []);

  return (
    <>
      <FilterBar />
      <div
        ref={scroller} id="jobs" class="rows" role="listbox" aria-multiselectable="true" tabIndex={0} aria-label={t("jobs")}
        aria-activedescendant={active && rows.items.some((row) => jobs[row.index]?.id === active) ? `job-${active}` : undefined}
      >
        <div class="rows-height" role="presentation" style={{ height: `${rows.heightPx}px` }}>
          {rows.items.map((row) => {
            const job = jobs[row.index];
            return job && (
              <JobRow key={job.id} job={job} index={row.index} total={jobs.length} topPx={row.start} chosen={chosen.has(job.id)} lit={lit.value.has(job.id)} />
            );
          })}
        </div>
        {board.value.loaded && jobs.length === 0 && <p class="nothing" role="option" aria-disabled="true" aria-selected="false">{t("nothing_shown")}</p>}
        {!board.value.loaded && <p class="nothing" role="option" aria-disabled="true" aria-selected="false">{t("loading")}</p>}
      </div>
      {chosen.size > 1 || (chosen.size === 1 && openPanel.value !== "details") ? <BulkBar /> : <p class="list-foot">{t("shown_of", { n: count(jobs.length), all: count(board.value.jobs.size) })}</p>}
    </>
  );
}

const WITHIN = "#jobs";

function listKeys(show: (index: number) => void): () => void {
  const group = "jobs" as const;
  function move(step: number, extend: boolean): boolean {
    const jobs = orderedJobs.peek();
    if (!jobs.length) return false;
    const at = jobs.findIndex((job) => job.id === focusedJob.peek());
    const next = Math.min(jobs.length - 1, Math.max(0, at < 0 && Number.isFinite(step) ? 0 : at + step));
    const job = jobs[next];
    if (!job) return false;
    if (extend) selectMany([...[...selection.peek()].filter((id) => id !== job.id), job.id]);
    else select(job.id);
    show(next);
    return true;
  }
  const all = (): void => selectMany(orderedJobs.peek().map((job) => job.id));
  return keys(
    { keys: ["j"], says: "key_next", group, run: () => move(1, false) },
    { keys: ["k"], says: "key_previous", group, run: () => move(-1, false) },
    { keys: ["ArrowDown"], says: "key_next", group, within: WITHIN, run: () => move(1, false) },
    { keys: ["ArrowUp"], says: "key_previous", group, within: WITHIN, run: () => move(-1, false) },
    { keys: ["Shift+ArrowDown", "Shift+j"], says: "key_extend_down", group, within: WITHIN, run: () => move(1, true) },
    { keys: ["Shift+ArrowUp", "Shift+k"], says: "key_extend_up", group, within: WITHIN, run: () => move(-1, true) },
    { keys: ["PageDown"], says: "key_page_down", group, within: WITHIN, run: () => move(10, false) },
    { keys: ["PageUp"], says: "key_page_up", group, within: WITHIN, run: () => move(-10, false) },
    { keys: ["Home"], says: "key_first", group, within: WITHIN, run: () => move(-Infinity, false) },
    { keys: ["End"], says: "key_last", group, within: WITHIN, run: () => move(Infinity, false) },
    { keys: ["Enter"], says: "key_details", group, within: WITHIN, run: () => { openPanel.value = "details"; } },
    { keys: [" "], says: "key_unselect", group, within: WITHIN, run: () => { const id = focusedJob.peek(); return id ? toggle(id) : false; } },
    { keys: ["Ctrl+a"], says: "key_all", group, within: WITHIN, run: all },
    { keys: ["Escape"], says: "key_clear", group, within: WITHIN, run: () => (selection.peek().size ? clearSelection() : false) },
  );
}
