// What a dispatcher does with jobs, from whichever pane: give them to a crew, hold, release, cancel, close.

import type { BoardJob, HoldReason, Priority } from "@contract";
import { newId } from "../ids";
import { t } from "../words";
import { board } from "./board";
import { isUnderWay, standingVisit } from "./reading";
import { sendAll, type Sent, type Step, told, tried } from "./send";

/** Give jobs to a crew (by the id under which the board knows it): new visits for those that nobody has, another crew for the others. */
export function assign(jobIds: readonly string[], crewId: string, times: { startAt?: Date; endAt?: Date } = {}): Promise<readonly Sent[]> {
  const crew = board.peek().crews.get(crewId);
  const who = crew?.alone ? { person_id: crewId } : { crew_id: crewId };
  const when = {
    ...(times.startAt && { planned_start_at: times.startAt.toISOString() }),
    ...(times.endAt && { planned_end_at: times.endAt.toISOString() }),
  };
  const steps = jobIds.map((jobId): Step => {
    const key = newId();
    const visit = standingVisit(board.peek(), jobId);
    // Another dispatcher may have been faster, which this board does not show yet.
    const fresh = { job_id: jobId, visit_id: newId(), ...who, ...when, only_if_open: true };
    if (!visit) return { key, run: () => tried("assign_visit", fresh, key) };
    const args = { job_id: jobId, visit_id: visit.id, plan_version: visit.plan_version ?? 1, ...who, ...when };
    return { key, run: () => tried("reassign_visit", args, key) };
  });
  return told(steps, (n) => t("assigned_said", { n, crew: crew?.name ?? "" }));
}

/** Take back visits that nobody has begun: the jobs wait for a crew again. */
export function withdraw(jobIds: readonly string[]): Promise<readonly Sent[]> {
  const all = jobIds.flatMap((jobId) => {
    const visit = standingVisit(board.peek(), jobId);
    return visit && !isUnderWay(visit) ? [{ job_id: jobId, visit_id: visit.id, plan_version: visit.plan_version ?? 1 }] : [];
  });
  return sendAll("withdraw_visit", all, (n) => t("withdrawn_said", { n }));
}

export function hold(jobIds: readonly string[], reason: HoldReason, note = ""): Promise<readonly Sent[]> {
  return sendAll("hold_job", jobIds.map((job_id) => ({ job_id, reason, ...(note && { note }) })), (n) => t("held_said", { n }));
}

export function release(jobIds: readonly string[]): Promise<readonly Sent[]> {
  return sendAll("release_job", jobIds.map((job_id) => ({ job_id })), (n) => t("released_said", { n }));
}

export function cancel(jobIds: readonly string[], reason: string): Promise<readonly Sent[]> {
  return sendAll("cancel_job", jobIds.map((job_id) => ({ job_id, reason })), (n) => t("cancelled_said", { n }));
}

export function close(jobIds: readonly string[]): Promise<readonly Sent[]> {
  return sendAll("close_job", jobIds.map((job_id) => ({ job_id })), (n) => t("closed_said", { n }));
}

export function reopen(jobIds: readonly string[], reason: string): Promise<readonly Sent[]> {
  return sendAll("reopen_job", jobIds.map((job_id) => ({ job_id, reason })), (n) => t("reopened_said", { n }));
}

/** What somebody decides about jobs that come in: empty leaves as it is. */
export interface Triage {
  readonly type: string;
  readonly priority: string;
  readonly districtId: string;
}

export function triage(jobIds: readonly string[], decided: Triage): Promise<readonly Sent[]> {
  const all = jobIds.map((job_id) => ({
    job_id,
    ...(decided.type && { job_type: decided.type }),
    ...(decided.priority && { priority: decided.priority as Priority }),
    ...(decided.districtId && { district_id: decided.districtId }),
  }));
  return sendAll("triage_job", all, (n) => t("triaged_said", { n }));
}

/** The jobs among these for which something is possible. */
export function able(jobIds: Iterable<string>, test: (job: BoardJob) => boolean): string[] {
  return [...jobIds].filter((id) => {
    const job = board.value.jobs.get(id);
    return job !== undefined && test(job);
  });
}
