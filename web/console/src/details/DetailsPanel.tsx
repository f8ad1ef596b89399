// Everything about the job that was selected last: how it stands at once, the rest as soon as the server has told it.

import type { BoardJob, JobDetail } from "@contract";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { JobActions } from "../list/JobActions";
import { leftOf } from "../list/left";
import { openPanel } from "../panels";
import { Icon } from "../shell/Icon";
import { JobMark, markWords } from "../shell/JobMark";
import { board } from "../state/board";
import { bandOf, shareOf, slackMs } from "../state/reading";
import { focusedJob } from "../state/selection";
import { toast } from "../state/toasts";
import { ago, clock, now } from "../times";
import { local, t, words } from "../words";
import { History } from "./History";
import { detail, detailProblem, followDetail } from "./job";
import { Work } from "./Work";
import { VisitList } from "./VisitList";
import "./details.css";

export function DetailsPanel() {
  useEffect(followDetail, []);
  const job = board.value.jobs.get(focusedJob.value ?? "");
  if (!job) return <p class="hint">{t("no_job")}</p>;
  const known = detail.value?.job.id === job.id ? detail.value : null;
  return (
    <article class="details" aria-label={job.number}>
      <header class="details-head">
        <JobMark job={job} size={40} />
        <div>
          <h3>{job.title || local(board.value.jobTypes.get(job.type)?.name) || words(job.type)}</h3>
          <p class="hint">{job.number} · {markWords(job)} · {local(board.value.jobTypes.get(job.type)?.name) || words(job.type)}</p>
        </div>
        <button type="button" class="bare" aria-label={t("copy_link")} title={t("copy_link")} onClick={() => void copyLink(job)}><Icon name="link" /></button>
      </header>
      <div class="details-actions"><JobActions ids={[job.id]} /></div>
      <Warnings job={job} />
      <Clock job={job} />
      <Facts job={job} known={known} />
      <section><h4>{t("visits")}</h4><VisitList jobId={job.id} /></section>
      {detailProblem.value && <p class="problem" role="alert">{detailProblem.value}</p>}
      {known && <Work known={known} />}
      {known && <History known={known} />}
    </article>
  );
}

function Warnings({ job }: { job: BoardJob }) {
  return (
    <>
      {job.held_for && (
        <p class="warning"><Icon name="clock" /> {t("held_since", { why: words(job.held_for) })}{job.held_until && ` ${t("held_until", { time: clock(job.held_until) })}`}</p>
      )}
      {Boolean(job.conflicts) && (
        <p class="warning bad"><Icon name="conflict" /> {t("settle_edits")} <button type="button" onClick={() => (openPanel.value = "inbox")}>{t("inbox_title")}</button></p>
      )}
      {Boolean(job.flags?.length) && <p class="warning"><Icon name="flag" /> {job.flags?.map(words).join(" · ")}</p>}
    </>
  );
}

// Both times stay beside each other: when it happened, and when the office learned of it.
function Clock({ job }: { job: BoardJob }) {
  const share = shareOf(job, now.value);
  return (
    <div class="clock">
      <dl>
        <Fact says={t("reported")}>{clock(job.reported_at)} <span class="hint">{ago(job.reported_at)}</span></Fact>
        <Fact says={t("due")}>{job.due_at ? clock(job.due_at) : t("no_clock")} <b class={`left band-${bandOf(share)}`}>{leftOf(job, slackMs(job, now.value))}</b></Fact>
        <Fact says={t("arrived")}>
          {job.arrived_at ? clock(job.arrived_at) : t("not_yet")}
          {job.recorded_at && job.recorded_at !== job.arrived_at && <span class="hint"> {t("learned_later", { time: clock(job.recorded_at) })}</span>}
        </Fact>
      </dl>
      {share !== null && <meter class={`band-${bandOf(share)}`} min={0} max={1} value={Math.min(share, 1)} aria-label={t("arrival_clock")}>{Math.round(share * 100)} %</meter>}
    </div>
  );
}

function Facts({ job, known }: { job: BoardJob; known: JobDetail | null }) {
  const district = board.value.districts.get(job.district_id ?? "");
  const contact = known?.contact;
  const place = [local(district?.name), job.address || known?.site?.address, known?.site?.name].filter(Boolean).join(" · ");
  return (
    <dl class="facts">
      {place && <Fact says={t("place")}>{place}</Fact>}
      {contact && <Fact says={t("contact")}>{contact.name}{contact.phone && <> <a href={`tel:${contact.phone}`}>{contact.phone}</a></>}</Fact>}
      {known?.job.description && <Fact says={t("description")}><span class="prose">{known.job.description}</span></Fact>}
      {Boolean(job.required_skills?.length) && <Fact says={t("skills_needed")}>{job.required_skills?.map((one) => (one.level ? `${words(one.code)} ${one.level}` : words(one.code))).join(", ")}</Fact>}
      {known?.job.external_ref && <Fact says={t("external")}>{known.job.external_ref}</Fact>}
      {known?.job.reason && <Fact says={t("reason")}>{known.job.reason}</Fact>}
    </dl>
  );
}

/** A name and what it is, for lists of facts. */
export function Fact({ says, children }: { says: string; children: ComponentChildren }) {
  return <div><dt>{says}</dt><dd>{children}</dd></div>;
}

async function copyLink(job: BoardJob): Promise<void> {
  const address = new URL("/console/", location.href);
  address.searchParams.set("jobs", job.id);
  address.searchParams.set("panel", "details");
  await navigator.clipboard.writeText(address.href);
  toast({ text: t("link_copied") });
}
