// A visit as a bar, and what a proposal would make of it as a ghost. Draws; what is done with them is the grid's business.

import type { JSX } from "preact";
import { clock, timeOfDay } from "../times";
import { type Key, t, words } from "../words";
import { type Axis, xOf } from "./axis";
import type { Bar, Lateness } from "./bars";
import type { Ghost } from "./ghosts";
import { Icon } from "./icons";
import { LANE_PX } from "./rows";

/** Below these widths a bar keeps only its number, then only its sign. */
const NARROW_PX = 140;
const TINY_PX = 40;
/** A bar is never so short that it cannot be seen or hit. */
const LEAST_PX = 10;

export const LATE: Record<Lateness, Key> = { arrival: "time_late_arrival", begin: "time_late_begin", end: "time_late_end" };

interface Place {
  readonly axis: Axis;
  readonly lane: number;
  readonly scale: number;
}

export interface BarProps extends Place {
  readonly bar: Bar;
  readonly column: number;
  readonly selected: boolean;
  readonly focusable: boolean;
  readonly fate: "leaves" | "moves" | null;
  readonly held: boolean;
  readonly chosen: boolean;
  /** Whether the filters hold its job back: it stays where it is, and stands back. */
  readonly dim: boolean;
}

/** Give what is said of a bar: everything that is drawn, in words. */
export function barWords(bar: Bar): string {
  const { job, visit } = bar;
  const title = job ? job.title || job.address || words(job.type) : t("time_unknown_job");
  // Begins with what is seen: who speaks to the machine says what is written there.
  const parts = [t("time_bar", { number: tailOf(job?.number ?? "–"), title, state: words(visit.state), from: clock(bar.fromMs), to: timeOfDay(bar.toMs) })];
  if (job && job.priority && job.priority !== "normal") parts.push(words(job.priority));
  if (bar.look === "travelling" && bar.travelFromMs !== null) parts.push(t("time_travel", { time: timeOfDay(bar.travelFromMs) }));
  if (!bar.timed) parts.push(t("time_untimed"));
  if (bar.late) parts.push(t(LATE[bar.late]));
  if (job?.due_at && !job.arrived_at) parts.push(t("time_due", { time: clock(job.due_at) }));
  if (bar.lock) parts.push(t(`lock_${bar.lock}`));
  if (job && tailOf(job.number) !== job.number) parts.push(job.number);
  return parts.join(", ");
}

export function BarView(props: BarProps): JSX.Element | null {
  const { bar, axis, lane, scale } = props;
  const box = boxOf(bar.fromMs, bar.toMs, axis);
  if (!box) return null;
  const { job } = bar;
  const fit = box.width < TINY_PX * scale ? " tiny" : box.width < NARROW_PX * scale ? " narrow" : "";
  const flags = [bar.look, bar.timed ? "" : "untimed", bar.late ? "late" : "", props.fate ?? "", props.held ? "held" : "", props.chosen ? "chosen" : "", bar.movable ? "movable" : "", props.dim ? "dim" : ""];
  const said = props.fate ? `${barWords(bar)}, ${t("time_would_leave")}` : barWords(bar);
  const urgent = job?.priority === "emergency" || job?.priority === "urgent";
  return (
    <>
      {way(bar, props)}
      <div
        role="gridcell" class={`bar ${flags.filter(Boolean).join(" ")}${fit}`} aria-colindex={props.column} aria-selected={props.selected} aria-label={said} title={said}
        tabIndex={props.focusable ? 0 : -1} data-visit={bar.visit.id} data-job={bar.visit.job_id} style={placed(box, lane, scale)}
      >
        <span class="bar-in" aria-hidden="true">
          <Icon sign={bar.look} size={13} />
          {urgent && <span class={`bar-urgent ${job?.priority}`}>{job?.priority === "emergency" ? "!!" : "!"}</span>}{" "}
          {/* The spaces part the words for whoever reads or searches them. */}
          <span class="bar-number">{tailOf(job?.number ?? "–")}</span>{" "}
          <span class="bar-title">{job ? job.title || job.address : ""}</span>
          <span class="bar-end">
            {bar.late && <Icon sign="late" size={13} />}
            {bar.lock && <Icon sign="lock" size={12} />}
          </span>
        </span>
      </div>
    </>
  );
}

/** The way there: a thin line from when they left to when they arrived, or to now. */
function way(bar: Bar, place: Place): JSX.Element | null {
  if (bar.travelFromMs === null || bar.travelFromMs >= bar.fromMs) return null;
  const box = boxOf(bar.travelFromMs, bar.fromMs, place.axis);
  return box && <div class="way" aria-hidden="true" style={placed(box, place.lane, place.scale)} />;
}

export interface GhostProps extends Place {
  readonly ghost: Ghost;
  readonly column: number;
  readonly focusable: boolean;
}

export function GhostView({ ghost, axis, lane, scale, column, focusable }: GhostProps): JSX.Element | null {
  const box = boxOf(ghost.fromMs, ghost.toMs, axis);
  if (!box) return null;
  const { step } = ghost;
  const said = t("time_bar_ghost", { number: tailOf(step.number ?? "–"), crew: step.after?.crew ?? "", from: clock(ghost.fromMs), to: timeOfDay(ghost.toMs) });
  const fit = box.width < TINY_PX * scale ? " tiny" : "";
  return (
    <div
      role="gridcell" class={`bar proposed ${step.kind}${step.late ? " late" : ""}${fit}`} aria-colindex={column} aria-label={said} title={said} tabIndex={focusable ? 0 : -1}
      data-ghost={step.visit_id} data-job={step.job_id} style={placed(box, lane, scale)}
    >
      <span class="bar-in" aria-hidden="true">
        <Icon sign={step.kind === "added" ? "plus" : "move"} size={12} />
        <span class="bar-number">{tailOf(step.number ?? "–")}</span>
        <span class="bar-end">{step.late && <Icon sign="late" size={13} />}</span>
      </span>
    </div>
  );
}

/** The part of a job's number that tells it apart today: what follows the date. */
export function tailOf(number: string): string {
  return /^\d{6}-(.+)$/.exec(number)?.[1] ?? number;
}

interface Box {
  readonly left: number;
  readonly width: number;
}

/** Where a span is drawn, cut to the axis; null when nothing of it is on it. */
export function boxOf(fromMs: number, toMs: number, axis: Axis): Box | null {
  if (toMs <= axis.fromMs || fromMs >= axis.toMs) return null;
  const left = xOf(axis, Math.max(fromMs, axis.fromMs));
  return { left, width: Math.max(LEAST_PX, xOf(axis, Math.min(toMs, axis.toMs)) - left - 1) };
}

export function placed(box: Box, lane: number, scale: number): { left: string; width: string; top: string } {
  return { left: `${box.left}px`, width: `${box.width}px`, top: `${(lane * LANE_PX + 6) * scale}px` };
}
