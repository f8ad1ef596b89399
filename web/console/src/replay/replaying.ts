// The replay that is under way: which day, which moment, whether it runs and how fast. Fetches a day once; what it means is in telling.ts.

import type { Replay } from "@contract";
import { computed, effect, signal, untracked } from "@preact/signals";
import type { Feature } from "geojson";
import { get, wordsOf } from "../api/calls";
import type { Shift } from "../map/datum";
import { shiftedLine } from "../map/datum";
import { board, type BoardState } from "../state/board";
import { hovered, replayAt, selectedCrew } from "../state/selection";
import { urlText } from "../state/url";
import { dayBegin, nowMs } from "../times";
import { t } from "../words";
import { Telling } from "./telling";

const DAY_MS = 86_400_000;
/** So often a moment is drawn while it runs; a large board takes longer to draw. */
const DRAWN_EVERY_MS = 80;
const LARGE_DRAWN_EVERY_MS = 250;
const LARGE = 3000;

/** Seconds of the day in a second. */
export const SPEEDS = [60, 300, 900, 1800] as const;

const inUrl = urlText("replay");

export const telling = signal<Telling | null>(null);
export const running = signal(false);
export const speed = signal<number>(SPEEDS[1]);
export const problem = signal("");
export const loading = signal(false);

/** The board of the moment; null while there is no replay, or it is still being fetched. */
export const replayed = computed<BoardState | null>(() => {
  const at = replayAt.value;
  return at && telling.value ? telling.value.at(at.getTime(), board.value) : null;
});

let asking = new AbortController();
let frame = 0;

/** Begin a replay of the day that holds an instant, at its beginning or where the address says. */
export async function open(instant: number, atMs?: number): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const stopping = asking.signal;
  const fromMs = dayBegin(instant);
  const toMs = Math.min(dayBegin(fromMs + 1.5 * DAY_MS), Math.ceil(nowMs() / 60_000) * 60_000);
  pause();
  telling.value = null;
  problem.value = "";
  loading.value = true;
  replayAt.value = new Date(Math.min(Math.max(atMs ?? fromMs, fromMs), toMs));
  try {
    const told = await get<Replay>("/api/v1/replay", { from_at: new Date(fromMs).toISOString(), to_at: new Date(toMs).toISOString() }, stopping);
    const made = new Telling(told);
    telling.value = made;
    // Nothing happens in most nights: a day begins to be told shortly before its first step.
    if (atMs === undefined) seek((made.momentOf(0) ?? fromMs) - 5 * 60_000);
  } catch (error) {
    if (!stopping.aborted) problem.value = wordsOf(error, t("no_server"));
  } finally {
    if (!stopping.aborted) loading.value = false;
  }
}

/** End the replay: now is shown again. */
export function close(): void {
  asking.abort();
  pause();
  loading.value = false;
  telling.value = null;
  problem.value = "";
  replayAt.value = null;
}

export function toggleReplay(): void {
  if (replayAt.peek()) close();
  else void open(nowMs());
}

/** Go to a moment, within the day. */
export function seek(ms: number): void {
  const told = telling.peek();
  if (told) replayAt.value = new Date(Math.min(Math.max(ms, told.fromMs), told.toMs));
}

/** Go to the next thing that happened, or to the one before. */
export function seekStep(by: 1 | -1): void {
  const told = telling.peek();
  const at = replayAt.peek();
  if (!told || !at) return;
  pause();
  const done = told.countUntil(at.getTime());
  const moment = told.momentOf(by === 1 ? done : done - 2);
  seek(moment ?? (by === 1 ? told.toMs : told.fromMs));
}

export function play(): void {
  const told = telling.peek();
  const at = replayAt.peek();
  if (!told || !at) return;
  if (at.getTime() >= told.toMs) seek(told.fromMs);
  running.value = true;
  let last = performance.now();
  const turn = (now: number): void => {
    const every = (replayed.peek()?.jobs.size ?? 0) > LARGE ? LARGE_DRAWN_EVERY_MS : DRAWN_EVERY_MS;
    if (now - last >= every) {
      seek((replayAt.peek()?.getTime() ?? 0) + (now - last) * speed.peek());
      last = now;
    }
    if ((replayAt.peek()?.getTime() ?? told.toMs) >= told.toMs) pause();
    else frame = requestAnimationFrame(turn);
  };
  frame = requestAnimationFrame(turn);
}

export function pause(): void {
  cancelAnimationFrame(frame);
  running.value = false;
}

/** Where crews drove until the moment; wholly that of the crew that is looked at. */
export function trails(shift: Shift): Feature[] {
  const at = replayAt.value;
  const told = telling.value;
  if (!at || !told) return [];
  const wholly = hovered.value?.kind === "crew" ? hovered.value.id : selectedCrew.value || null;
  return told.trails(at.getTime(), wholly).map((line) => ({ type: "Feature", geometry: { type: "LineString", coordinates: shiftedLine(line, shift) }, properties: { kind: "trail" } }));
}

/** Keep the moment in the address, and go on where a link points to. */
export function followUrl(): () => void {
  const linked = Date.parse(inUrl.peek());
  let begun = !Number.isFinite(linked);
  return effect(() => {
    if (!begun) {
      if (!board.value.loaded) return;
      begun = true;
      untracked(() => void open(linked, linked));
      return;
    }
    inUrl.value = replayAt.value ? replayAt.value.toISOString().slice(0, 19) + "Z" : "";
  });
}
