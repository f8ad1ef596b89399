// What is done to a visit of the timeline beside moving it: lock, unlock, swap, take back. Says so in a toast that can undo it.

import type { LockKind } from "@contract";
import { signal } from "@preact/signals";
import { send, toast } from "../state";
import { t } from "../words";
import { MINUTE_MS } from "./axis";
import type { Bar } from "./bars";
import { lockOf, swapOf, withdrawalOf } from "./moves";
import { spoken } from "./moving";

/** What a lock of a time range leaves on either side. */
const PATIENCE_MS = 30 * MINUTE_MS;

/** The visit that waits for another one to change places with. */
export const swapping = signal<Bar | null>(null);

/** What a bar is called: the number of its job. */
export function numberOf(bar: Bar): string {
  return bar.job?.number ?? "–";
}

export async function lock(bar: Bar, kind: LockKind | null): Promise<void> {
  const said = t(kind ? "visit_locked" : "visit_unlocked", { number: numberOf(bar) });
  await send("lock_visit", lockOf(bar.visit, kind, PATIENCE_MS), { said, undo: true });
}

/** Lock what is free, unlock what is locked: both crew and time, or the crew alone while no time is set. */
export function flipLock(bar: Bar): Promise<void> {
  if (bar.lock) return lock(bar, null);
  return lock(bar, bar.visit.planned_start_at ? "both" : "resource");
}

export async function takeBack(bar: Bar): Promise<void> {
  if (!bar.movable) return underWay();
  await send("withdraw_visit", withdrawalOf(bar.visit), { said: t("visit_withdrawn", { number: numberOf(bar) }), undo: true });
}

/** Choose the first of two visits, or swap with the one that was chosen; the same again leaves it. */
export async function swap(bar: Bar): Promise<void> {
  const first = swapping.peek();
  if (!bar.movable) return underWay();
  if (!first || first.visit.id === bar.visit.id) {
    swapping.value = first ? null : bar;
    spoken.value = first ? t("time_left_alone") : t("visit_swapping", { number: numberOf(bar) });
    return;
  }
  swapping.value = null;
  const said = t("visit_swapped", { one: numberOf(first), other: numberOf(bar) });
  await send("swap_visits", swapOf(first.visit, bar.visit), { said, undo: true });
}

/** Say that a crew has begun, so that nothing moves it. */
export function underWay(): void {
  toast({ text: t("time_under_way"), bad: true });
}
