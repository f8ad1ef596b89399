// A crew's row: its name, how full and how late its day is, how its phones are, its visits and what a proposal would put there.

import type { BoardCrew, BoardPhone } from "@contract";
import { Component, type JSX } from "preact";
import { ago, count, now, timeOfDay } from "../times";
import { type Language, t } from "../words";
import { type Axis } from "./axis";
import { BarView, boxOf, GhostView } from "./BarView";
import type { Ghosts, Pause } from "./ghosts";
import { Icon } from "./icons";
import { offDuty, type Row } from "./rows";

/** Minutes after which a phone counts as quiet, then as silent. */
export const QUIET_MIN = 5;
export const SILENT_MIN = 30;

export type PhoneMood = "fresh" | "stale" | "silent";
export const MARKS: Record<PhoneMood, string> = { fresh: "●", stale: "◐", silent: "○" };

/** How a phone is, by when it last fetched everything. */
export function moodOf(phone: BoardPhone, nowMs: number): PhoneMood {
  const age = phone.pulled_at ? (nowMs - Date.parse(phone.pulled_at)) / 60_000 : Infinity;
  return age < QUIET_MIN ? "fresh" : age < SILENT_MIN ? "stale" : "silent";
}

/** Where the keyboard is: on a row's name (no cell), a visit or a ghost. */
export interface Spot {
  readonly holderId: string;
  readonly cell: string;
}

export interface RowProps {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly axis: Axis;
  readonly scale: number;
  readonly spot: Spot | null;
  readonly selection: ReadonlySet<string>;
  readonly leaving: Ghosts["leaving"];
  readonly heldVisit: string | null;
  readonly chosenVisit: string | null;
  readonly aimed: boolean;
  /** Whether this crew is looked at: the map shows its way. */
  readonly picked: boolean;
  /** The jobs that the filters let through; null without filters. */
  readonly through: ReadonlyMap<string, unknown> | null;
  /** Words and times are written in it: another one writes them anew. */
  readonly language: Language;
}

/** Draws a row again only when something of it is another: scrolling and what happens elsewhere leave it alone. */
export class RowView extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const held = this.props;
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== held[name]);
  }

  override render(): JSX.Element {
    return drawRow(this.props);
  }
}

function drawRow(props: RowProps): JSX.Element {
  const { row, index, top, axis, scale, spot } = props;
  const { holder } = row;
  return (
    <div
      role="row" class={`time-row${index % 2 ? " odd" : ""}${props.aimed ? " aimed" : ""}`} aria-rowindex={index + 1} data-holder={holder.id}
      style={{ transform: `translateY(${top}px)`, height: `${row.heightPx}px` }}
    >
      <div
        role="rowheader" class="time-name" aria-colindex={1} tabIndex={spot?.holderId === holder.id && spot.cell === "" ? 0 : -1} data-crew={holder.id} aria-selected={props.picked}
        aria-label={nameWords(row)} title={nameWords(row)}
      >
        <span class="time-crew">{holder.name || "–"}</span>
        <span class="time-under" aria-hidden="true">
          {meter(row)}
          {row.late > 0 && <span class="time-late"><Icon sign="late" size={12} />{row.late}</span>}
          {holder.crew && <PhoneSign crew={holder.crew} />}
        </span>
      </div>
      <div role="presentation" class="time-track">
        {offDuty(holder.shifts, axis).map((gap) => {
          const box = boxOf(gap.fromMs, gap.toMs, axis);
          return box && <div class="off-duty" aria-hidden="true" style={{ left: `${box.left}px`, width: `${box.width + 1}px` }} />;
        })}
        {row.pauses.map((pause) => {
          const box = boxOf(pause.fromMs, pause.toMs, axis);
          return box && (
            <div key={`${pause.kind} ${pause.fromMs}`} class={`pause ${pause.kind}`} aria-hidden="true" title={pauseWords(pause)} style={{ left: `${box.left}px`, width: `${box.width}px` }}>
              <Icon sign={pause.kind} size={13} />
            </div>
          );
        })}
        {row.bars.map((bar, at) => {
          const fate = props.leaving.get(bar.visit.id);
          return (
            <BarView
              key={bar.visit.id} bar={bar} axis={axis} scale={scale} lane={row.lane[at] ?? 0} column={at + 2} selected={props.selection.has(bar.visit.job_id)}
              focusable={spot?.cell === bar.visit.id} fate={fate ? (fate.after ? "moves" : "leaves") : null} held={props.heldVisit === bar.visit.id} chosen={props.chosenVisit === bar.visit.id} dim={props.through !== null && !props.through.has(bar.visit.job_id)}
            />
          );
        })}
        {row.ghosts.map((ghost, at) => (
          <GhostView
            key={`ghost ${ghost.step.visit_id}`} ghost={ghost} axis={axis} scale={scale} lane={row.lane[row.bars.length + at] ?? 0} column={row.bars.length + at + 2}
            focusable={spot?.cell === `ghost ${ghost.step.visit_id}`}
          />
        ))}
      </div>
    </div>
  );
}

/** The share of the shift that is planned, as a bar of its own; overfull is told by its pattern too. */
function meter(row: Row): JSX.Element {
  if (row.load === null) return <span class="time-none">{t("time_no_shift")}</span>;
  return (
    <span class={`time-meter${row.load > 1 ? " over" : ""}`}>
      <span style={{ width: `${Math.min(100, row.load * 100)}%` }} />
    </span>
  );
}

function PhoneSign({ crew }: { crew: BoardCrew }): JSX.Element | null {
  const phones = crew.phones ?? [];
  if (!phones.length) return null;
  const best = bestOf(phones);
  const unsent = phones.reduce((sum, phone) => sum + (phone.unsent ?? 0), 0);
  const mood = moodOf(best, now.value);
  if (mood === "fresh" && !unsent) return <span class="time-phone fresh">{MARKS.fresh}</span>;
  return (
    <span class={`time-phone ${mood}`}>
      {MARKS[mood]} {best.pulled_at ? short(now.value - Date.parse(best.pulled_at)) : t("phones_never")}
      {unsent > 0 && <b> ↑{count(unsent)}</b>}
    </span>
  );
}

/** How long, in the largest unit that fits, so that it stands in a narrow column. */
function short(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return t("plan_minutes", { n: count(minutes) });
  return minutes < 48 * 60 ? t("time_hours", { n: count(Math.round(minutes / 60)) }) : t("time_days", { n: count(Math.round(minutes / 1440)) });
}

function bestOf(phones: readonly BoardPhone[]): BoardPhone {
  return phones.reduce((best, phone) => ((phone.pulled_at ?? "") > (best.pulled_at ?? "") ? phone : best));
}

function pauseWords(pause: Pause): string {
  return t(pause.kind === "break" ? "time_break" : "time_store", { from: timeOfDay(pause.fromMs), to: timeOfDay(pause.toMs) });
}

function nameWords(row: Row): string {
  const { holder } = row;
  const parts = [t("time_row", { crew: holder.name, n: count(row.bars.length) })];
  if (holder.crew?.people?.length) parts.push(holder.crew.people.map((person) => person.name).join(", "));
  if (holder.shifts.length) parts.push(holder.shifts.map((shift) => `${timeOfDay(shift.fromMs)}–${timeOfDay(shift.toMs)}`).join(", "));
  if (row.load !== null) parts.push(t("time_load", { n: count(Math.round(row.load * 100)) }));
  parts.push(...row.pauses.map(pauseWords));
  if (row.late) parts.push(t("time_late_count", { n: count(row.late) }));
  const phones = holder.crew?.phones ?? [];
  if (phones.length) {
    const best = bestOf(phones);
    const unsent = phones.reduce((sum, phone) => sum + (phone.unsent ?? 0), 0);
    parts.push(`${t("phones_synced")}: ${best.pulled_at ? ago(best.pulled_at) : t("phones_never")}`, `${t("phones_unsent")}: ${count(unsent)}`);
  }
  return parts.join(" · ");
}
