// Who might go to the job that is looked at: asks the server, remembers what is chosen, shows the ways on the map. Ranks nothing itself.

import type { SuggestionLine, Suggestions } from "@contract";
import { effect, signal } from "@preact/signals";
import { get, wordsOf } from "../api/calls";
import { openPanel } from "../panels";
import { assign } from "../state/actions";
import { board } from "../state/board";
import { focusedJob, hover, hovered } from "../state/selection";
import { language, t } from "../words";
import { ways } from "./view";

export interface Nearest {
  readonly jobId: string;
  readonly lines: readonly SuggestionLine[];
  readonly chosen: number;
  readonly problem: string;
  readonly loading: boolean;
}

export const NEAREST = "nearest";
/** A crew is named once for each of its people. */
const ASKED = 40;

export const nearest = signal<Nearest | null>(null);

/** Open the panel for the job that is selected, else for the one pointed at; false when there is none. */
export function openNearest(): boolean {
  const on = hovered.peek();
  if (!focusedJob.peek() && on?.kind !== "job") return false;
  openPanel.value = NEAREST;
  return true;
}

/** Keep asking for the job that is looked at; gives what ends that. */
export function followNearest(): () => void {
  let asking = new AbortController();
  const end = effect(() => {
    const jobId = focusedJob.value ?? hoveredJob();
    // The board's version moves with every change: whoever took a job or drove on may be nearer now.
    void [language.value, jobId && board.value.visitsOfJob.get(jobId)];
    asking.abort();
    asking = new AbortController();
    if (jobId) void ask(jobId, asking.signal);
    else nearest.value = null;
  });
  const drawn = effect(() => {
    const found = nearest.value;
    ways.value = found && { jobId: found.jobId, lines: found.lines, chosen: found.chosen };
  });
  return () => {
    asking.abort();
    end();
    drawn();
    nearest.value = null;
    ways.value = null;
  };
}

function hoveredJob(): string | null {
  const on = hovered.peek();
  return nearest.peek()?.jobId ?? (on?.kind === "job" ? on.id : null);
}

async function ask(jobId: string, stopping: AbortSignal): Promise<void> {
  const held = nearest.peek();
  nearest.value = held?.jobId === jobId ? { ...held, loading: true } : { jobId, lines: [], chosen: 0, problem: "", loading: true };
  try {
    const found = await get<Suggestions>(`/api/v1/jobs/${jobId}/suggestions`, { limit: ASKED }, stopping);
    nearest.value = { jobId, lines: oncePerCrew(found.items), chosen: 0, problem: "", loading: false };
  } catch (error) {
    if (!stopping.aborted) nearest.value = { jobId, lines: [], chosen: 0, problem: wordsOf(error, t("no_server")), loading: false };
  }
}

/** The best line of each crew: it is a crew that is sent, whoever of it is nearest. Those who cannot go come last. */
function oncePerCrew(lines: readonly SuggestionLine[]): SuggestionLine[] {
  const seen = new Set<string>();
  const sorted = [...lines.filter((line) => line.eligible), ...lines.filter((line) => !line.eligible)];
  return sorted.filter((line) => {
    const who = holderOf(line);
    return !seen.has(who) && seen.add(who);
  });
}

/** Choose a line: its way is drawn stronger, its crew is lit. */
export function choose(index: number): void {
  const held = nearest.peek();
  const line = held?.lines[index];
  if (!held || !line) return;
  nearest.value = { ...held, chosen: index };
  hover("crew", holderOf(line));
}

/** The id under which the board knows who might go. */
export function holderOf(line: SuggestionLine): string {
  return line.crew_id && board.peek().crews.has(line.crew_id) ? line.crew_id : line.person_id;
}

export async function send(index: number): Promise<void> {
  const held = nearest.peek();
  const line = held?.lines[index];
  if (held && line) await assign([held.jobId], line.crew_id ?? line.person_id);
}
