// What is being moved on the timeline, by pointer or by keys, and what dropping it does. Sends the command; the server decides.

import type { BoardVisit } from "@contract";
import { signal } from "@preact/signals";
import { newId } from "../ids";
import { board, type Load, send, standingVisit, told, tried } from "../state";
import { nowMs, timeOfDay, zoneName } from "../times";
import { type Key, t } from "../words";
import { MINUTE_MS, msAt, msOfPx, STEP_MS } from "./axis";
import { type Bar, isMovable, keptBar, USUAL_MS } from "./bars";
import { type Aim, type Drop, dropAt, type Grid, type Held, type Hindrance, nudge } from "./drag";
import type { Span } from "./lanes";
import { assignmentOf, moveOf } from "./moves";
import { axis, rows } from "./view";

const PULL_PX = 9;

/** What is under way: what is held, where it would land, and by what hand. */
export interface Moving {
  readonly visit: BoardVisit | null;
  readonly jobIds: readonly string[];
  readonly label: string;
  readonly held: Held;
  readonly drop: Drop | null;
  readonly byKeys: boolean;
}

export const moving = signal<Moving | null>(null);

/** What readers of screens are told; the pane shows it in a live region. */
export const spoken = signal("");

const WHY: Record<Hindrance, Key> = { locked_crew: "time_locked_crew", locked_time: "time_locked_time", past: "time_past" };

/** Why a drop would be refused, in words; empty when nothing is in the way. */
export function whyNot(drop: Drop): string {
  return drop.hindered ? t(WHY[drop.hindered]) : "";
}

function grid(pull: boolean): Grid {
  const now = nowMs();
  // By keys a step is visible whatever the stretch: a day is walked in quarters of an hour.
  const stepMs = axis.peek().toMs - axis.peek().fromMs > 12 * 60 * MINUTE_MS ? 3 * STEP_MS : STEP_MS;
  return { zone: zoneName(), stepMs, pullMs: pull ? msOfPx(axis.peek(), PULL_PX) : 0, nowMs: now };
}

/** Take hold of what somebody drags: a visit, or jobs of the list, of the map. Null: it cannot be moved. */
export function holdLoad(load: Load, grabMs: number): Moving | null {
  const visit = load.visitId ? board.peek().visits.get(load.visitId) : load.jobIds.length === 1 ? standingVisit(board.peek(), load.jobIds[0]!) : undefined;
  if (!visit) return { visit: null, jobIds: load.jobIds, label: load.label, held: heldOf(null, load.jobIds[0], 0), drop: null, byKeys: false };
  if (!isMovable(visit)) return null;
  return { visit, jobIds: [visit.job_id], label: load.label, held: heldOf(visit, visit.job_id, grabMs), drop: null, byKeys: false };
}

/** Take hold of a bar with the keys; it stays where it is until it is moved. */
export function holdByKeys(bar: Bar, holderId: string, label: string): boolean {
  if (!bar.movable) return false;
  const held = { ...heldOf(bar.visit, bar.visit.job_id, 0), fromMs: bar.fromMs, toMs: bar.toMs, holderId };
  moving.value = { visit: bar.visit, jobIds: [bar.visit.job_id], label, held, drop: dropAt(held, { holderId, atMs: null }, [], grid(false)), byKeys: true };
  return true;
}

function heldOf(visit: BoardVisit | null, jobId: string | undefined, grabMs: number): Held {
  const job = jobId ? board.peek().jobs.get(jobId) : undefined;
  const usual = job ? (board.peek().jobTypes.get(job.type)?.duration_min ?? 60) * MINUTE_MS : USUAL_MS;
  if (!visit) return { fromMs: nowMs(), toMs: nowMs() + usual, holderId: null, lock: null, allowed: null, grabMs };
  const bar = keptBar(visit, job, nowMs(), usual);
  const lock = visit.lock ?? null;
  const allowed = lock?.kind === "time_range" && lock.from_at && lock.to_at ? { fromMs: Date.parse(lock.from_at), toMs: Date.parse(lock.to_at) } : null;
  return { fromMs: bar.fromMs, toMs: bar.toMs, holderId: rowOf(visit)?.holder.id ?? null, lock: lock?.kind ?? null, allowed, grabMs };
}

function rowOf(visit: BoardVisit) {
  return rows.peek().find((row) => row.bars.some((bar) => bar.visit.id === visit.id));
}

/** Aim with the pointer. */
export function aim(at: Aim, free: boolean): Drop | null {
  const now = moving.peek();
  if (!now) return null;
  const drop = dropAt(now.held, at, neighboursOf(at.holderId, now), grid(!free));
  moving.value = { ...now, drop };
  return drop;
}

function neighboursOf(holderId: string, now: Moving): Span[] {
  const row = rows.peek().find((each) => each.holder.id === holderId);
  return row ? row.bars.filter((bar) => bar.visit.id !== now.visit?.id && bar.look !== "done") : [];
}

/** Move what the keys hold: by steps of time, or to the row so many further. Says where it would land. */
export function step(by: { steps?: number; rows?: number }): void {
  const now = moving.peek();
  if (!now?.drop) return;
  const held = rows.peek();
  const index = held.findIndex((row) => row.holder.id === now.drop!.holderId);
  const holderId = held[Math.min(held.length - 1, Math.max(0, index + (by.rows ?? 0)))]?.holder.id ?? now.drop.holderId;
  const drop = nudge(now.drop, { ...(by.steps && { steps: by.steps }), holderId }, now.held, grid(false));
  moving.value = { ...now, drop };
  spoken.value = [landing(now.label, drop), whyNot(drop)].filter(Boolean).join(" ");
}

/** Where a drop would land, in words. */
export function landing(label: string, drop: Drop): string {
  return t("time_lands", { number: label, crew: nameOf(drop.holderId), from: timeOfDay(drop.fromMs), to: timeOfDay(drop.toMs) });
}

/** The same for whoever holds it and knows what it is. */
export function offer(drop: Drop): string {
  return t("time_offer", { crew: nameOf(drop.holderId), from: timeOfDay(drop.fromMs), to: timeOfDay(drop.toMs) });
}

export function nameOf(holderId: string): string {
  return board.peek().crews.get(holderId)?.name ?? "";
}

export function letGo(): void {
  moving.value = null;
}

/** Drop what is held where it is aimed at; false when nothing would change or it cannot be. */
export async function dropIt(): Promise<boolean> {
  const now = moving.peek();
  letGo();
  if (!now?.drop || now.drop.hindered || !(now.drop.holderChanges || now.drop.timeChanges)) return false;
  const { visit, drop, label } = now;
  const crews = board.peek().crews;
  const crew = nameOf(drop.holderId);
  if (visit) {
    const said = t("time_moved", { number: label, crew, time: timeOfDay(drop.fromMs) });
    return (await send("reassign_visit", moveOf(visit, drop, crews), { said, undo: true })).ok;
  }
  return assignAll(now.jobIds, drop, label);
}

/** Several jobs are given one behind the other, from where they were dropped. */
async function assignAll(jobIds: readonly string[], drop: Drop, label: string): Promise<boolean> {
  const { crews, jobs, jobTypes } = board.peek();
  let fromMs = drop.fromMs;
  const steps = jobIds.map((jobId) => {
    const length = (jobTypes.get(jobs.get(jobId)?.type ?? "")?.duration_min ?? 60) * MINUTE_MS;
    const args = assignmentOf(jobId, newId(), { ...drop, fromMs, toMs: fromMs + length }, crews);
    fromMs += length;
    const key = newId();
    return { key, run: () => tried("assign_visit", args, key) };
  });
  const crew = nameOf(drop.holderId);
  const sent = await told(steps, (n) => (n === 1 ? t("time_assigned", { number: label, crew }) : t("time_assigned_many", { n, crew })));
  return sent.some((each) => each.ok);
}

/** Where the pointer is over the rows: `left` is the left edge of the lines of time in the window. */
export function aimAt(clientX: number, row: { holder: { id: string } } | undefined, left: number): Aim | null {
  if (!row) return null;
  return { holderId: row.holder.id, atMs: clientX < left ? null : msAt(axis.peek(), clientX - left) };
}
