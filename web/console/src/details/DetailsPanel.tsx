// Everything about the job that was selected last.

import { board } from "../state/board";
import { focusedJob } from "../state/selection";
import { local, t, words } from "../words";
import { JobMark, markWords } from "../shell/JobMark";

export function DetailsPanel() {
  const job = board.value.jobs.get(focusedJob.value ?? "");
  if (!job) return <p class="hint">{t("no_job")}</p>;
  return (
    <article class="details">
      <header class="details-head"><JobMark job={job} size={36} /><div><h3>{job.number} {job.title}</h3><p class="hint">{markWords(job)}</p></div></header>
      <p>{local(board.value.jobTypes.get(job.type)?.name) || words(job.type)}</p>
      <p>{job.address}</p>
    </article>
  );
}
