// The axis of the timeline: instants to pixels and back, and where its lines stand. Owns geometry only; never reads a clock or the board.

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** How much of the day can be seen at once, in hours; the third is where the console begins. */
export const SPANS_H = [2, 4, 8, 12, 24, 72] as const;

/** The finest step that visits are moved by. */
export const STEP_MS = 5 * MINUTE_MS;

const TICK_STEPS_MS = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE_MS);
const TICK_LEAST_PX = 62;

/** A stretch of time over a width. */
export interface Axis {
  readonly fromMs: number;
  readonly toMs: number;
  readonly widthPx: number;
}

/** A line of the ruler; `major` ones begin a day or an hour that is named in full. */
export interface Tick {
  readonly atMs: number;
  readonly x: number;
  readonly major: boolean;
}

/** The pixel of an instant; outside of the axis too. */
export function xOf(axis: Axis, atMs: number): number {
  return ((atMs - axis.fromMs) / (axis.toMs - axis.fromMs)) * axis.widthPx;
}

/** The instant at a pixel. */
export function msAt(axis: Axis, x: number): number {
  return axis.fromMs + (x / Math.max(1, axis.widthPx)) * (axis.toMs - axis.fromMs);
}

/** How long so many pixels are. */
export function msOfPx(axis: Axis, px: number): number {
  return (px / Math.max(1, axis.widthPx)) * (axis.toMs - axis.fromMs);
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** How far a zone's wall clock is ahead of UTC at an instant, in milliseconds. */
export function zoneOffsetMs(atMs: number, zone: string): number {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    clocks.set(zone, clock);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of clock.formatToParts(atMs)) part[type] = Number(value);
  const wall = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day ?? 1, part.hour ?? 0, part.minute ?? 0, part.second ?? 0);
  return wall - Math.floor(atMs / 1000) * 1000;
}

/** The lines of an axis, on the zone's own hours, far enough apart to be written on in letters of this scale. */
export function ticksOf(axis: Axis, zone: string, scale = 1): Tick[] {
  const step = TICK_STEPS_MS.find((each) => (each / (axis.toMs - axis.fromMs)) * axis.widthPx >= TICK_LEAST_PX * scale) ?? DAY_MS;
  const offset = zoneOffsetMs(axis.fromMs, zone);
  const ticks: Tick[] = [];
  for (let wall = Math.ceil((axis.fromMs + offset) / step) * step; wall - offset <= axis.toMs; wall += step) {
    // Asked anew for each line: an axis may cross a change of the clocks.
    const atMs = wall - zoneOffsetMs(wall - offset, zone);
    ticks.push({ atMs, x: xOf(axis, atMs), major: wall % (step < HOUR_MS ? HOUR_MS : DAY_MS) === 0 });
  }
  return ticks;
}

/** The nearest instant on the zone's grid of steps. */
export function snapMs(atMs: number, zone: string, stepMs: number = STEP_MS): number {
  const offset = zoneOffsetMs(atMs, zone);
  return Math.round((atMs + offset) / stepMs) * stepMs - offset;
}
