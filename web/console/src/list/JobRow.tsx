// One job in the list.

import type { BoardJob } from "@contract";
import { openPanel } from "../panels";
import { board } from "../state/board";
import { beginDrag } from "../state/drag";
import { orderedJobs } from "../state/filters";
import { bandOf, crewOf, shareOf, slackMs } from "../state/reading";
import { focusedJob, hover, select, selection, selectMany, toggle } from "../state/selection";
import { now } from "../times";
import { local, t, words } from "../words";
import { Icon } from "../shell/Icon";
import { JobMark, markWords } from "../shell/JobMark";
import { leftOf } from "./left";

/** Height of a row, in rem. */
export const ROW_REM = 3.4;

interface Props {
  readonly job: BoardJob;
  readonly index: number;
  readonly total: number;
  readonly topPx: number;
  readonly chosen: boolean;
  readonly lit: boolean;
}

export function JobRow({ job, index, total, topPx, chosen, lit }: Props) {
  const held = board.value;
  const crew = crewOf(held, job.id);
  const district = held.districts.get(job.district_id ?? "");
  const type = held.jobTypes.get(job.type);
  const slack = slackMs(job, now.value);
  const band = bandOf(shareOf(job, now.value));
  return (
    <div
      id={`job-${job.id}`} class={`row ${chosen ? "chosen" : ""} ${lit ? "lit" : ""}`} role="option" aria-selected={chosen}
      aria-setsize={total} aria-posinset={index + 1} style={{ transform: `translateY(${topPx}px)` }}
      onMouseEnter={() => hover("job", job.id)} onMouseLeave={() => hover(null)}
      onPointerDown={(event) => beginDrag(event, () => carried(job))}
      onClick={(event) => click(event, job.id)} onDblClick={() => (openPanel.value = "details")}
    >
      <JobMark job={job} />
      <span class="away">{markWords(job)}</span>
      <span class="row-main">
        <span class="row-first">{job.title || local(type?.name) || words(job.type)}</span>
        <span class="row-second">{[job.number, local(district?.name), job.address].filter(Boolean).join(" · ")}</span>
      </span>
      <span class="row-side">
        <span class={`left band-${band}`}>{leftOf(job, slack)}</span>
        <span class="row-who">
          {Boolean(job.conflicts) && <span class="sign-of bad" title={t("has_conflicts")}><Icon name="conflict" size={12} /><span class="away">{t("has_conflicts")}</span></span>}
          {Boolean(job.flags?.length) && <span class="sign-of" title={job.flags?.map(words).join(", ")}><Icon name="flag" size={12} /><span class="away">{job.flags?.map(words).join(", ")}</span></span>}
          <span class={crew ? "" : "missing"}>{crew?.name ?? t("nobody")}</span>
        </span>
      </span>
    </div>
  );
}

function click(event: MouseEvent, jobId: string): void {
  if (event.shiftKey) selectMany(between(focusedJob.peek() ?? jobId, jobId), true);
  else if (event.ctrlKey || event.metaKey) toggle(jobId);
  else select(jobId);
}

function between(one: string, other: string): string[] {
  const ids = orderedJobs.peek().map((job) => job.id);
  const [first = 0, last = 0] = [ids.indexOf(one), ids.indexOf(other)].map((index) => Math.max(index, 0)).sort((a, b) => a - b);
  const span = ids.slice(first, last + 1);
  return span[0] === other ? span.reverse() : span;
}

// What is dragged is the whole selection where the row belongs to it.
function carried(job: BoardJob): { kind: "jobs"; jobIds: readonly string[]; label: string } {
  const jobIds = selection.peek().has(job.id) ? [...selection.peek()] : [job.id];
  return { kind: "jobs", jobIds, label: jobIds.length > 1 ? t("jobs_count", { n: jobIds.length }) : job.number };
}
