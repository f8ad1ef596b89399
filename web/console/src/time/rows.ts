// Rows of the timeline: whose day, which bars and ghosts in which lanes, how full, how late, how high. Pure; made anew when the board,
// the proposal or the minute changes, and cheap enough for two hundred crews.

import type { BoardCrew, BoardJob, BoardVisit } from "@contract";
import { type Bar, isShown, keptBar, queueUp } from "./bars";
import type { Ghost, Ghosts, Pause } from "./ghosts";
import { type Span, lanesOf } from "./lanes";

export const LANE_PX = 28;
export const ROW_LEAST_PX = 40;
const ROW_PAD_PX = 8;

/** Whose day a row is: a crew, a person of the field without one, or somebody who still has visits and is no longer on the board. */
export interface Holder {
  readonly id: string;
  readonly name: string;
  readonly crew: BoardCrew | null;
  readonly shifts: readonly Span[];
}

export interface Row {
  readonly holder: Holder;
  readonly bars: readonly Bar[];
  readonly ghosts: readonly Ghost[];
  /** Breaks and stops at stores of the proposal. */
  readonly pauses: readonly Pause[];
  /** The lane of each bar, then of each ghost. */
  readonly lane: readonly number[];
  readonly heightPx: number;
  readonly late: number;
  /** Planned time as a share of the day's shift; null without a shift. */
  readonly load: number | null;
}

export type RowOrder = "name" | "late" | "free";

export interface RowsAsk {
  readonly jobs: ReadonlyMap<string, BoardJob>;
  readonly visits: Iterable<BoardVisit>;
  readonly crews: ReadonlyMap<string, BoardCrew>;
  /** How long a visit of a job type usually takes, in milliseconds. */
  readonly usualMs: ReadonlyMap<string, number>;
  readonly ghosts: Ghosts;
  readonly span: Span;
  /** The day whose shifts the load is a share of. */
  readonly day: Span;
  readonly nowMs: number;
  readonly order: RowOrder;
  /** How large a letter is against the usual 14 pixels. */
  readonly scale: number;
}

/** Make the rows of a span: whoever can be sent, and whoever has visits in it. */
export function rowsOf(ask: RowsAsk): Row[] {
  const holders = holdersOf(ask.crews);
  const found = new Map<string, Bar[]>();
  const crewOfPerson = personsOf(ask.crews);
  for (const visit of ask.visits) {
    if (!isShown(visit)) continue;
    const job = ask.jobs.get(visit.job_id);
    const bar = keptBar(visit, job, ask.nowMs, job && ask.usualMs.get(job.type));
    if (bar.timed && (bar.toMs < ask.span.fromMs || Math.min(bar.travelFromMs ?? bar.fromMs, bar.fromMs) > ask.span.toMs)) continue;
    const id = visit.crew_id ?? (visit.person_id ? (crewOfPerson.get(visit.person_id) ?? visit.person_id) : null);
    if (!id) continue;
    if (!holders.has(id)) holders.set(id, { id, name: "", crew: null, shifts: [] });
    const bars = found.get(id);
    if (bars) bars.push(bar);
    else found.set(id, [bar]);
  }
  const rows = [...holders.values()].map((holder) => rowOf(holder, queueUp(found.get(holder.id) ?? [], ask.nowMs), ask));
  const order = ORDERS[ask.order];
  // While a proposal is looked at, the days that it changes come first.
  const changed = new Set(rows.filter((row) => row.ghosts.length || row.bars.some((bar) => ask.ghosts.leaving.has(bar.visit.id))));
  return rows.sort((a, b) => Number(changed.has(b)) - Number(changed.has(a)) || order(a, b));
}

const names = new Intl.Collator(undefined, { numeric: true });
const byName = (a: Row, b: Row): number => names.compare(a.holder.name, b.holder.name) || a.holder.id.localeCompare(b.holder.id);
const ORDERS: Record<RowOrder, (a: Row, b: Row) => number> = {
  name: byName,
  late: (a, b) => b.late - a.late || byName(a, b),
  free: (a, b) => (a.load ?? 9) - (b.load ?? 9) || byName(a, b),
};

function holdersOf(crews: ReadonlyMap<string, BoardCrew>): Map<string, Holder> {
  const holders = new Map<string, Holder>();
  for (const crew of crews.values()) {
    const shifts = merged((crew.shifts ?? []).map((shift) => ({ fromMs: Date.parse(shift.from_at), toMs: Date.parse(shift.to_at) })));
    holders.set(crew.id, { id: crew.id, name: crew.name, crew, shifts });
  }
  return holders;
}

function personsOf(crews: ReadonlyMap<string, BoardCrew>): Map<string, string> {
  const found = new Map<string, string>();
  for (const crew of crews.values()) for (const person of crew.people ?? []) found.set(person.person_id, crew.id);
  return found;
}

function rowOf(holder: Holder, bars: Bar[], ask: RowsAsk): Row {
  bars.sort((a, b) => a.fromMs - b.fromMs || a.visit.id.localeCompare(b.visit.id));
  const ghosts = ask.ghosts.byHolder.get(holder.id) ?? [];
  const { lane, count } = lanesOf([...bars, ...ghosts]);
  return {
    holder, bars, ghosts, pauses: ask.ghosts.pauses.get(holder.id) ?? [], lane, heightPx: Math.round(Math.max(ROW_LEAST_PX, count * LANE_PX + ROW_PAD_PX) * ask.scale), late: bars.filter((bar) => bar.late).length,
    load: loadOf(bars, holder.shifts, ask.day),
  };
}

function loadOf(bars: readonly Bar[], shifts: readonly Span[], span: Span): number | null {
  const within = shifts.map((shift) => overlap(shift, span)).filter((each) => each > 0);
  const shiftMs = within.reduce((sum, each) => sum + each, 0);
  if (!shiftMs) return null;
  return bars.reduce((sum, bar) => sum + Math.max(0, overlap(bar, span)), 0) / shiftMs;
}

function overlap(a: Span, b: Span): number {
  return Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs);
}

/** Join spans that touch or overlap, in order of time. */
export function merged(spans: readonly Span[]): Span[] {
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined[joined.length - 1];
    if (last && span.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, span.toMs);
    else joined.push({ ...span });
  }
  return joined;
}

/** The stretches of a span that no shift covers; none where no shift is known at all, which says nothing. */
export function offDuty(shifts: readonly Span[], span: Span): Span[] {
  if (!shifts.length) return [];
  const gaps: Span[] = [];
  let at = span.fromMs;
  for (const shift of shifts) {
    if (shift.toMs <= at || shift.fromMs >= span.toMs) continue;
    if (shift.fromMs > at) gaps.push({ fromMs: at, toMs: shift.fromMs });
    at = shift.toMs;
  }
  if (at < span.toMs) gaps.push({ fromMs: at, toMs: span.toMs });
  return gaps;
}
