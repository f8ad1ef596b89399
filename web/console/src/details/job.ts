// The details of the job that is looked at: fetched when it is chosen, and again when the board says that it changed.

import type { BoardJob, JobDetail } from "@contract";
import { effect, signal } from "@preact/signals";
import { get, wordsOf } from "../api/calls";
import { board } from "../state/board";
import { focusedJob } from "../state/selection";
import { t } from "../words";

/** What is known of the job; of another one while it is being fetched: compare ids. */
export const detail = signal<JobDetail | null>(null);
export const detailProblem = signal("");

/** Follow what is selected; gives what stops it. */
export function followDetail(): () => void {
  let shown: unknown[] = [];
  let fetching: AbortController | null = null;
  const stop = effect(() => {
    const id = focusedJob.value;
    const held = board.value;
    const job = id ? held.jobs.get(id) : undefined;
    const now = [job, id ? held.visitsOfJob.get(id)?.map((visit) => visit) : undefined].flat();
    if (now.length === shown.length && now.every((one, index) => one === shown[index])) return;
    shown = now;
    fetching?.abort();
    fetching = new AbortController();
    if (job) void fetchDetail(job, fetching.signal);
  });
  return () => {
    stop();
    fetching?.abort();
  };
}

async function fetchDetail(job: BoardJob, signal: AbortSignal): Promise<void> {
  try {
    detail.value = await get<JobDetail>(`/api/v1/jobs/${job.id}`, {}, signal);
    detailProblem.value = "";
  } catch (error) {
    if (!signal.aborted) detailProblem.value = wordsOf(error, t("no_server"));
  }
}
