// The rows of the timeline: only those on the screen are drawn. Takes what is dropped, follows the keyboard, lights what other panes hover.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Signal, useSignal } from "@preact/signals";
import { keys } from "../keys";
import { repairWithout } from "../plan/planning";
import { beginDrag, board, dropTarget, filterCount, hover, hovered, litJobs, type Load, select, selectedCrew, selection, shownJobs, toggle } from "../state";
import { nowMs } from "../times";
import { language, t } from "../words";
import { msAt } from "./axis";
import { numberOf, swapping, underWay } from "./deeds";
import { focusWanted, pickCrew, timelineKeys, wantNothing } from "./keyboard";
import { MoveShade } from "./MoveShade";
import { aim, aimAt, dropIt, holdLoad, letGo, moving, offer } from "./moving";
import { rowAt } from "./lanes";
import type { Row } from "./rows";
import { RowView, type Spot } from "./RowView";
import { Lines, NowLine } from "./Ruler";
import { axis, ghosts, rows, scale, tops, zoom, pan } from "./view";
import { openMenu } from "./VisitMenu";

const OVERSCAN_ROWS = 3;

/** Where the keyboard is; the grid's one stop of the tab key. */
export function spotOf(element: Element | null): Spot | null {
  const row = element?.closest<HTMLElement>("[data-holder]");
  const cell = element?.closest<HTMLElement>("[data-visit], [data-ghost]");
  if (!row) return null;
  return { holderId: row.dataset.holder ?? "", cell: cell ? (cell.dataset.visit ?? `ghost ${cell.dataset.ghost}`) : "" };
}

export function Grid(): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const range = useSignal("0 0");
  const spot = useSignal<Spot | null>(null);
  const grabMs = useRef(0);
  useRange(scroller, range);
  useDrops(scroller, grabMs);
  useEffect(() => hovered.subscribe(() => light(scroller.current)), []);
  useEffect(() => keys(...timelineKeys(scroller, spot)), []);
  useEffect(() => focusWanted(scroller.current));

  const held = rows.value;
  const [first, last] = range.value.split(" ").map(Number) as [number, number];
  const shown = indexes(held, first, last, spot.value);
  const stop = spot.value && shown.some((at) => held[at]?.holder.id === spot.value?.holderId) ? spot.value : { holderId: held[first]?.holder.id ?? "", cell: "" };
  const now = moving.value;
  return (
    <div
      ref={scroller} class={`time-grid${now && !now.byKeys ? " moving" : ""}`} onFocusIn={(event) => (spot.value = spotOf(event.target as Element) ?? spot.value)}
      onPointerDown={(event) => press(event, grabMs)} onClick={click} onDblClick={openAt} onContextMenu={openAt} onMouseOver={over} onMouseLeave={() => hover(null)}
      onWheel={(event) => wheel(event)}
    >
      {held.length === 0 && <p class="hint time-empty">{board.value.loaded ? t("time_no_crews") : t("loading")}</p>}
      <div role="grid" class="time-rows" aria-label={t("time_label")} aria-rowcount={held.length} style={{ height: `${tops.value[held.length] ?? 0}px` }}>
        <Lines />
        {shown.map((at) => {
          const row = held[at]!;
          return (
            <RowView
              key={row.holder.id} row={row} index={at} top={tops.value[at] ?? 0} axis={axis.value} scale={scale.value} selection={selection.value} leaving={ghosts.value.leaving}
              spot={stop.holderId === row.holder.id ? stop : null} heldVisit={now?.visit?.id ?? null} chosenVisit={swapping.value?.visit.id ?? null}
              through={filterCount.value ? shownJobs.value : null} picked={selectedCrew.value === row.holder.id} language={language.value} aimed={now?.drop?.holderId === row.holder.id}
            />
          );
        })}
        <NowLine />
        <MoveShade />
      </div>
    </div>
  );
}

/** The rows to draw: those on the screen, and the one that has the focus wherever it is. */
function indexes(held: readonly Row[], first: number, last: number, spot: Spot | null): number[] {
  const found: number[] = [];
  for (let at = Math.max(0, first - OVERSCAN_ROWS); at <= Math.min(held.length - 1, last + OVERSCAN_ROWS); at += 1) found.push(at);
  const focused = spot ? held.findIndex((row) => row.holder.id === spot.holderId) : -1;
  if (focused >= 0 && !found.includes(focused)) found.push(focused);
  return found;
}

function useRange(scroller: { current: HTMLDivElement | null }, range: Signal<string>): void {
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const measure = (): void => {
      const heights = tops.peek();
      range.value = `${Math.max(0, rowAt(heights, box.scrollTop))} ${Math.max(0, rowAt(heights, box.scrollTop + box.clientHeight))}`;
    };
    const watching = new ResizeObserver(measure);
    watching.observe(box);
    box.addEventListener("scroll", measure, { passive: true });
    const follow = tops.subscribe(measure);
    return () => {
      watching.disconnect();
      box.removeEventListener("scroll", measure);
      follow();
    };
  }, []);
}

/** Which row is under the pointer, and where in time. */
function aimed(box: HTMLElement, x: number, y: number) {
  const frame = box.getBoundingClientRect();
  const row = rows.peek()[rowAt(tops.peek(), y - frame.top + box.scrollTop)];
  const left = frame.left + (box.querySelector<HTMLElement>(".time-name")?.offsetWidth ?? 0);
  return aimAt(x, row, left);
}

function useDrops(scroller: { current: HTMLDivElement | null }, grabMs: { current: number }): void {
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let carried: Load | null = null;
    const over = (load: Load, x: number, y: number): string => {
      if (carried !== load || !moving.peek()) {
        carried = load;
        const held = holdLoad(load, load.visitId ? grabMs.current : 0);
        moving.value = held;
        if (!held) return "";
      }
      creep(box, y);
      const at = aimed(box, x, y);
      const drop = at && aim(at, false);
      if (!drop) return "";
      return drop.hindered ? "" : offer(drop);
    };
    return dropTarget(box, {
      over,
      drop: () => void dropIt(),
      leave: () => {
        carried = null;
        // The drop comes after the pointer has left: what is held is let go once it had its turn.
        queueMicrotask(() => carried ?? letGo());
      },
    });
  }, []);
}

/** Scroll while something is held near the upper or lower edge. */
function creep(box: HTMLElement, y: number): void {
  const frame = box.getBoundingClientRect();
  if (y < frame.top + 24) box.scrollTop -= 12;
  else if (y > frame.bottom - 24) box.scrollTop += 12;
}

/** Light the bars of what is hovered in any pane. By attribute, so that nothing is drawn anew. */
function light(scroller: HTMLElement | null): void {
  const at = hovered.peek();
  const lit = litJobs(at);
  const crew = at?.kind === "crew" ? at.id : "";
  for (const each of scroller?.querySelectorAll<HTMLElement>("[data-job], [data-crew]") ?? []) {
    each.toggleAttribute("data-lit", each.dataset.job ? lit.has(each.dataset.job) : each.dataset.crew === crew);
  }
}

function barAt(target: EventTarget | null) {
  const id = target instanceof Element ? target.closest<HTMLElement>("[data-visit]")?.dataset.visit : undefined;
  if (!id) return null;
  for (const row of rows.peek()) for (const bar of row.bars) if (bar.visit.id === id) return { bar, row };
  return null;
}

function press(event: PointerEvent, grabMs: { current: number }): void {
  wantNothing();
  const found = barAt(event.target);
  const box = event.currentTarget as HTMLElement;
  if (!found || event.ctrlKey || event.shiftKey) return;
  const { bar } = found;
  const left = box.getBoundingClientRect().left + (box.querySelector<HTMLElement>(".time-name")?.offsetWidth ?? 0);
  grabMs.current = msAt(axis.peek(), event.clientX - left) - bar.fromMs;
  beginDrag(event, () => {
    if (bar.movable) return { kind: "visit", jobIds: [bar.visit.job_id], visitId: bar.visit.id, label: numberOf(bar) };
    underWay();
    return null;
  });
}

function click(event: MouseEvent): void {
  const target = event.target as Element;
  const job = target.closest<HTMLElement>("[data-job]")?.dataset.job;
  const crew = target.closest<HTMLElement>("[data-crew]")?.dataset.crew;
  if (crew) pickCrew(crew);
  if (!job) return;
  target.closest<HTMLElement>("[data-job]")?.focus();
  if (event.ctrlKey || event.metaKey || event.shiftKey) toggle(job);
  else select(job);
}

function openAt(event: MouseEvent): void {
  const crew = (event.target as Element).closest<HTMLElement>("[data-crew]")?.dataset.crew;
  if (crew) {
    event.preventDefault();
    repairWithout(crew);
    return;
  }
  const found = barAt(event.target);
  if (!found) return;
  event.preventDefault();
  openMenu(found.bar, found.row.holder.id, (event.target as Element).closest<HTMLElement>("[data-visit]"));
}

// Mouse events, not those of pointers: what another pane does when the mouse leaves it comes before, not after.
function over(event: MouseEvent): void {
  const target = event.target as Element;
  const job = target.closest<HTMLElement>("[data-job]")?.dataset.job;
  const crew = target.closest<HTMLElement>("[data-crew]")?.dataset.crew;
  if (job) hover("job", job);
  else if (crew) hover("crew", crew);
  else hover(null);
}

function wheel(event: WheelEvent): void {
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.ctrlKey) {
    event.preventDefault();
    const box = event.currentTarget as HTMLElement;
    const at = aimed(box, event.clientX, event.clientY)?.atMs ?? nowMs();
    zoom(event.deltaY > 0 ? 1 : -1, at);
  } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
    event.preventDefault();
    pan(sideways / Math.max(1, axis.peek().widthPx));
  }
}

