// The keyboard on the timeline: from visit to visit and crew to crew, moving, locking, swapping, taking back.

import type { Signal } from "@preact/signals";
import type { KeyCommand } from "../keys";
import { repairWithout } from "../plan/planning";
import { proposal, select, selectedCrew, toggle } from "../state";
import { type Key, t } from "../words";
import type { Bar } from "./bars";
import { flipLock, numberOf, swap, swapping, takeBack, underWay } from "./deeds";
import { dropIt, holdByKeys, letGo, moving, spoken, step } from "./moving";
import type { Row } from "./rows";
import type { Spot } from "./RowView";
import { axis, pan, rows, showFrom, tops, zoom } from "./view";
import { openMenu } from "./VisitMenu";

const WITHIN = ".time-grid";
const GROUP: Key = "timeline";

const FAR_STEPS = 12;
const PAGE_ROWS = 8;
/** Steps of time and rows that an arrow goes. */
const ARROWS: Readonly<Record<string, readonly [steps: number, rows: number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

type Box = { current: HTMLElement | null };

/** The commands of a grid that is scrolled by `box` and remembers in `spot` where the keyboard is. */
export function timelineKeys(box: Box, spot: Signal<Spot | null>): KeyCommand[] {
  const on = (pressed: string[], says: Key, run: (event: KeyboardEvent) => void | boolean): KeyCommand => ({ keys: pressed, says, group: GROUP, within: WITHIN, run });
  const bar = () => barOf(spot.peek());
  const withBar = (run: (bar: Bar, holderId: string) => void) => () => {
    const found = bar();
    if (!found) return false;
    run(found.bar, found.row.holder.id);
    return true;
  };
  return [
    on(Object.keys(ARROWS), "key_walk", (event) => {
      const [steps, rowsBy] = ARROWS[event.key] ?? [0, 0];
      if (moving.peek()?.byKeys) step({ steps, rows: rowsBy });
      else walk(box, spot, rowsBy ? { rows: rowsBy } : { cells: steps });
    }),
    on(["Shift+ArrowLeft", "Shift+ArrowRight"], "key_far", (event) => {
      const way = event.key === "ArrowLeft" ? -1 : 1;
      if (moving.peek()?.byKeys) step({ steps: way * FAR_STEPS });
      else pan(way / 4);
    }),
    on(["Home", "End"], "key_ends", (event) => walk(box, spot, { cells: event.key === "Home" ? -Infinity : Infinity })),
    on(["PageUp", "PageDown"], "key_pages", (event) => walk(box, spot, { rows: event.key === "PageUp" ? -PAGE_ROWS : PAGE_ROWS })),
    on(["+", "="], "time_closer", () => zoom(-1)),
    on(["-"], "time_wider", () => zoom(1)),
    on(["n"], "time_to_now", () => showFrom(null)),
    on(["Enter"], "key_visit_menu", () => {
      if (moving.peek()?.byKeys) return void drop(box, spot);
      const at = spot.peek();
      if (at?.cell === "") return pickCrew(at.holderId);
      return withBar((each, holderId) => openMenu(each, holderId, cellOf(box.current, { holderId, cell: each.visit.id })))();
    }),
    on([" "], "key_select", withBar((each) => select(each.visit.job_id))),
    on(["Ctrl+ "], "key_select_more", withBar((each) => toggle(each.visit.job_id))),
    on(["m"], "key_move", withBar((each, holderId) => {
      if (!holdByKeys(each, holderId, numberOf(each))) return underWay();
      spoken.value = t("time_moving", { number: numberOf(each) });
    })),
    on(["l"], "key_lock", withBar((each) => void flipLock(each))),
    on(["x"], "key_swap", withBar((each) => void swap(each))),
    on(["Delete", "Backspace"], "key_withdraw", withBar((each) => void takeBack(each))),
    on(["g"], "key_repair", () => {
      const holderId = spot.peek()?.holderId;
      if (!holderId) return false;
      repairWithout(holderId);
      return true;
    }),
    on(["Escape"], "key_leave", () => leave()),
  ];
}

/** Look at a crew, whose way the map then shows; the same again looks away. */
export function pickCrew(crewId: string): void {
  selectedCrew.value = selectedCrew.peek() === crewId ? "" : crewId;
}

function leave(): boolean {
  if (!moving.peek() && !swapping.peek()) return false;
  letGo();
  swapping.value = null;
  spoken.value = t("time_left_alone");
  return true;
}

async function drop(box: Box, spot: Signal<Spot | null>): Promise<void> {
  const now = moving.peek();
  const changed = await dropIt();
  if (!changed) spoken.value = t("time_left_alone");
  if (!now?.visit || !now.drop) return;
  // The bar may stand in another row by then: the focus goes with it.
  go(box, spot, { holderId: changed ? now.drop.holderId : (now.held.holderId ?? ""), cell: now.visit.id });
}

function barOf(spot: Spot | null): { bar: Bar; row: Row } | null {
  const row = rows.peek().find((each) => each.holder.id === spot?.holderId);
  const bar = row?.bars.find((each) => each.visit.id === spot?.cell);
  return row && bar ? { bar, row } : null;
}

interface CellAt {
  readonly cell: string;
  readonly middleMs: number;
}

/** The cells of a row in order of time, its name first; only those on the stretch that is shown. */
function cellsOf(row: Row): CellAt[] {
  const { fromMs, toMs } = axis.peek();
  const cells = [
    ...row.bars.map((bar) => ({ cell: bar.visit.id, fromMs: bar.fromMs, toMs: bar.toMs })),
    ...(proposal.peek() ? row.ghosts.map((ghost) => ({ cell: `ghost ${ghost.step.visit_id}`, fromMs: ghost.fromMs, toMs: ghost.toMs })) : []),
  ].filter((each) => each.toMs > fromMs && each.fromMs < toMs);
  cells.sort((a, b) => a.fromMs - b.fromMs);
  return [{ cell: "", middleMs: -Infinity }, ...cells.map((each) => ({ cell: each.cell, middleMs: (each.fromMs + each.toMs) / 2 }))];
}

function walk(box: Box, spot: Signal<Spot | null>, by: { rows?: number; cells?: number }): void {
  const held = rows.peek();
  const index = Math.max(0, held.findIndex((row) => row.holder.id === spot.peek()?.holderId));
  const row = held[index];
  if (!row) return;
  const cells = cellsOf(row);
  const at = Math.max(0, cells.findIndex((each) => each.cell === spot.peek()?.cell));
  if (by.cells) {
    const next = cells[Math.min(cells.length - 1, Math.max(0, at + by.cells))];
    return go(box, spot, { holderId: row.holder.id, cell: next?.cell ?? "" });
  }
  const other = held[Math.min(held.length - 1, Math.max(0, index + (by.rows ?? 0)))] ?? row;
  const from = cells[at]!.middleMs;
  const near = from === -Infinity ? "" : cellsOf(other).slice(1).reduce<CellAt | null>((best, each) => (best && Math.abs(best.middleMs - from) <= Math.abs(each.middleMs - from) ? best : each), null)?.cell;
  go(box, spot, { holderId: other.holder.id, cell: near ?? "" });
}

const PATIENCE_MS = 5_000;

/** The cell that gets the focus as soon as it is drawn, and until when it is waited for. */
let wanted: { readonly spot: Spot; readonly untilMs: number } | null = null;

/** Put the keyboard on a cell: scroll its row into view, then focus it once it is drawn. */
function go(box: Box, spot: Signal<Spot | null>, to: Spot): void {
  spot.value = to;
  const index = rows.peek().findIndex((row) => row.holder.id === to.holderId);
  const scroller = box.current;
  if (scroller && index >= 0) {
    const [top, bottom] = [tops.peek()[index]!, tops.peek()[index + 1]!];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
  }
  wanted = { spot: to, untilMs: performance.now() + PATIENCE_MS };
  requestAnimationFrame(() => focusWanted(box.current));
}

/** Focus the cell that is waited for, when it is there. Call it whenever rows were drawn. */
export function focusWanted(scroller: HTMLElement | null): void {
  if (!wanted) return;
  const found = performance.now() < wanted.untilMs ? cellOf(scroller, wanted.spot) : null;
  found?.focus({ preventScroll: true });
  if (found || performance.now() >= wanted.untilMs) wanted = null;
}

/** Wait for no cell any more: somebody went elsewhere. */
export function wantNothing(): void {
  wanted = null;
}

function cellOf(scroller: HTMLElement | null, spot: Spot): HTMLElement | null {
  const row = scroller?.querySelector<HTMLElement>(`[data-holder="${CSS.escape(spot.holderId)}"]`);
  if (!spot.cell) return row?.querySelector<HTMLElement>(".time-name") ?? null;
  const ghost = spot.cell.startsWith("ghost ");
  return row?.querySelector<HTMLElement>(ghost ? `[data-ghost="${CSS.escape(spot.cell.slice(6))}"]` : `[data-visit="${CSS.escape(spot.cell)}"]`) ?? null;
}
