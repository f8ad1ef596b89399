// What the map shows now: the board, or the board of a replayed moment; and what is at hand on the map. Owns signals only.

import type { BoardJob, SuggestionLine } from "@contract";
import { computed, signal } from "@preact/signals";
import { replayed } from "../replay/replaying";
import { board, type BoardState } from "../state/board";
import { shownJobs } from "../state/filters";
import { replayAt } from "../state/selection";
import { now } from "../times";
import type { Stage } from "./stage";

/** A cluster that zooming does not open: its jobs stand on one spot. */
export interface Stack {
  readonly jobIds: readonly string[];
  readonly x: number;
  readonly y: number;
}

/** Who might go to a job, as the map draws it. */
export interface Ways {
  readonly jobId: string;
  readonly lines: readonly SuggestionLine[];
  readonly chosen: number;
}

/** Clocks and ages on the map move on in such steps: a job's image is drawn from how much of its clock has run. */
const STEP_MS = 30_000;

export const stage = signal<Stage | null>(null);
/** What could not be loaded, in words; empty when everything was. */
export const fault = signal("");
export const lassoing = signal(false);
export const legendShown = signal(false);
export const tracksShown = signal(false);
export const stack = signal<Stack | null>(null);
/** The crew under what is dragged. */
export const dropCrew = signal<string | null>(null);
/** What is told to those who do not see the map: where the keyboard has gone. */
export const spoken = signal("");
export const ways = signal<Ways | null>(null);

export const viewMs = computed(() => replayAt.value?.getTime() ?? Math.floor(now.value / STEP_MS) * STEP_MS);
export const viewBoard = computed<BoardState>(() => (replayAt.value && replayed.value) || board.value);
/** The jobs on the map: those that the filters let through; in a replay all that there were. */
export const viewJobs = computed<ReadonlyMap<string, BoardJob>>(() => (replayAt.value && replayed.value ? replayed.value.jobs : shownJobs.value));
/** Those without a place: they are in the list alone. */
export const unplaced = computed(() => [...viewJobs.value.values()].filter((job) => typeof job.lon_deg !== "number").map((job) => job.id));
/** Districts that are parted into others. */
export const parted = computed(() => [...new Set([...board.value.districts.values()].flatMap((district) => district.parent_id ?? []))].sort());
