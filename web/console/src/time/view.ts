// What the timeline shows: which stretch of time (in the address), which rows in which order, how large. Owns signals; draws nothing.

import { computed, signal } from "@preact/signals";
import { fromAt, toAt } from "../api/live";
import { board, proposal } from "../state";
import { urlText } from "../state/url";
import { dayBegin, now } from "../times";
import { type Axis, DAY_MS, HOUR_MS, MINUTE_MS, SPANS_H } from "./axis";
import { ghostsOf } from "./ghosts";
import { topsOf } from "./lanes";
import { type Row, type RowOrder, rowsOf } from "./rows";

const at = urlText("at");
const span = urlText("span");
const sort = urlText("crews");
export const crewText = urlText("crewq");

const USUAL_SPAN_H = 8;
/** How much of the stretch lies behind now while the timeline follows the clock. */
const BEHIND = 0.2;
const BUCKET_MS = 2 * HOUR_MS;
const BEAT_MS = 30_000;

/** The width of the lines of time, and how large a letter is against the usual 14 pixels: the pane measures both. */
export const widthPx = signal(0);
export const scale = signal(1);
/** Changes of the proposal that were struck out: they are neither drawn nor committed. */
export const struckOut = signal<ReadonlySet<string>>(new Set());

export const spanH = computed(() => SPANS_H.find((each) => String(each) === span.value) ?? USUAL_SPAN_H);
export const follows = computed(() => at.value === "");
const beat = computed(() => Math.floor(now.value / BEAT_MS) * BEAT_MS);

const from = computed(() => {
  const chosen = Date.parse(at.value);
  return Number.isNaN(chosen) ? beat.value - spanH.value * HOUR_MS * BEHIND : chosen;
});

export const axis = computed<Axis>(() => ({ fromMs: from.value, toMs: from.value + spanH.value * HOUR_MS, widthPx: widthPx.value }));

export const order = computed<RowOrder>(() => (sort.value === "late" || sort.value === "free" ? sort.value : "name"));

export function orderBy(chosen: RowOrder): void {
  sort.value = chosen === "name" ? "" : chosen;
}

/** Show from an instant on; null follows the clock again. */
export function showFrom(atMs: number | null): void {
  at.value = atMs === null ? "" : new Date(Math.round(atMs / MINUTE_MS) * MINUTE_MS).toISOString();
  cover(atMs);
}

/** Go so many stretches later, or earlier. */
export function pan(stretches: number): void {
  showFrom(from.peek() + stretches * spanH.peek() * HOUR_MS);
}

/** Show more time (1) or less (-1), around an instant. */
export function zoom(by: 1 | -1, aroundMs = from.peek() + (spanH.peek() * HOUR_MS) / 2): void {
  const next = SPANS_H[SPANS_H.indexOf(spanH.peek()) + by];
  if (!next) return;
  const share = (aroundMs - from.peek()) / (spanH.peek() * HOUR_MS);
  span.value = next === USUAL_SPAN_H ? "" : String(next);
  if (!follows.peek()) showFrom(aroundMs - share * next * HOUR_MS);
}

// The board holds some days: where the timeline leaves them, it asks for others.
function cover(atMs: number | null): void {
  if (atMs === null) {
    fromAt.value = toAt.value = "";
    return;
  }
  const endMs = atMs + spanH.peek() * HOUR_MS;
  const held = board.peek();
  if (!held.loaded || (atMs >= held.fromAt && endMs <= held.toAt)) return;
  fromAt.value = new Date(dayBegin(atMs)).toISOString();
  toAt.value = new Date(dayBegin(endMs - 1) + DAY_MS).toISOString();
}

export const ghosts = computed(() => ghostsOf(proposal.value, struckOut.value));

// Rows are made for whole buckets of time, so that panning a little makes none anew.
const bucket = computed<string>(() => {
  const { fromMs, toMs } = axis.value;
  return `${Math.floor(fromMs / BUCKET_MS) * BUCKET_MS} ${Math.ceil(toMs / BUCKET_MS) * BUCKET_MS}`;
});
// Apart, so that a board whose version alone moved on makes no rows anew.
const jobs = computed(() => board.value.jobs);
const visits = computed(() => board.value.visits);
const crews = computed(() => board.value.crews);
const jobTypes = computed(() => board.value.jobTypes);
const usualMs = computed(() => new Map([...jobTypes.value].map(([code, type]) => [code, (type.duration_min ?? 60) * MINUTE_MS])));

/** The rows in the order chosen, those whose names match alone. */
export const rows = computed<readonly Row[]>(() => {
  const [fromMs, toMs] = bucket.value.split(" ").map(Number) as [number, number];
  const day = dayBegin((fromMs + toMs) / 2);
  const made = rowsOf({
    jobs: jobs.value, visits: visits.value.values(), crews: crews.value, usualMs: usualMs.value, ghosts: ghosts.value, span: { fromMs, toMs },
    day: { fromMs: day, toMs: day + DAY_MS }, nowMs: beat.value, order: order.value, scale: scale.value,
  });
  const text = crewText.value.trim().toLowerCase();
  return text ? made.filter((row) => saysOf(row).includes(text)) : made;
});

export const tops = computed(() => topsOf(rows.value.map((row) => row.heightPx)));

/** What a row is found by: the crew's name and code, and its people. */
function saysOf(row: Row): string {
  const { name, crew } = row.holder;
  return [name, crew?.code, ...(crew?.people ?? []).map((person) => person.name)].join(" ").toLowerCase();
}
