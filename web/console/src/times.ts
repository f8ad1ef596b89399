// Instants in words: the organisation's own time of day, and how long ago or ahead. Never a time of this computer's zone.

import { signal } from "@preact/signals";
import { language, locale, t } from "./words";

const MINUTE_MS = 60_000;
const TICK_MS = 5_000;
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", MINUTE_MS],
];

let zone = "UTC";
let offsetMs = 0;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The server's time in milliseconds, moving every few seconds: read it in components and effects that depend on the time. */
export const now = signal(Date.now());

export type Moment = string | number | Date;

/** Take on the organisation's zone and how far this computer's clock is from the server's. */
export function settle(zoneName: string, serverOffsetMs: number): void {
  zone = zoneName;
  offsetMs = serverOffsetMs;
  formats.clear();
  now.value = nowMs();
}

/** Keep `now` moving. */
export function startClock(): void {
  window.setInterval(() => (now.value = nowMs()), TICK_MS);
}

/** The server's time, in milliseconds. */
export function nowMs(): number {
  return Date.now() + offsetMs;
}

/** The organisation's time zone. */
export function zoneName(): string {
  return zone;
}

/** The time of day; with the date when it is another day. */
export function clock(instant: Moment): string {
  const at = new Date(instant);
  const day = format({ month: "short", day: "numeric" });
  const time = timeOfDay(at);
  return day.format(at) === day.format(nowMs()) ? time : `${day.format(at)} ${time}`;
}

/** Hours and minutes alone. */
export function timeOfDay(instant: Moment): string {
  return format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(instant));
}

/** The day, as people say it. */
export function dayOf(instant: Moment): string {
  return format({ weekday: "short", month: "short", day: "numeric" }).format(new Date(instant));
}

/** How long ago, or in how long. */
export function ago(instant: Moment): string {
  const spanMs = new Date(instant).getTime() - now.value;
  const step = STEPS.find(([, ms]) => Math.abs(spanMs) >= ms);
  if (!step) return t("now");
  return relative().format(Math.trunc(spanMs / step[1]), step[0]);
}

/** Minutes between now and an instant; negative for the past. */
export function minutesFromNow(instant: Moment): number {
  return (new Date(instant).getTime() - now.value) / MINUTE_MS;
}

export function count(number: number): string {
  return numbers().format(number);
}

// Making a format takes longer than using it a hundred times.
const made = new Map<string, unknown>();

function numbers(): Intl.NumberFormat {
  return kept(`numbers ${locale.value}`, () => new Intl.NumberFormat(locale.value));
}

function relative(): Intl.RelativeTimeFormat {
  return kept(`relative ${locale.value}`, () => new Intl.RelativeTimeFormat(locale.value, { style: "short", numeric: "always" }));
}

function kept<Made>(key: string, make: () => Made): Made {
  if (!made.has(key)) made.set(key, make());
  return made.get(key) as Made;
}

/** Begin of the organisation's day that holds an instant, in milliseconds. */
export function dayBegin(instant: Moment): number {
  const at = new Date(instant).getTime();
  const guess = at - (at % 86_400_000) - zoneOffsetMs(at);
  for (const candidate of [guess + 86_400_000, guess, guess - 86_400_000]) {
    const begin = candidate + zoneOffsetMs(at) - zoneOffsetMs(candidate);
    if (begin <= at) return begin;
  }
  return guess;
}

function zoneOffsetMs(at: number): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(at);
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  const wall = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return wall - Math.floor(at / 1000) * 1000;
}

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([language.value, zone, options]);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(locale.value, { ...options, timeZone: zone });
    formats.set(key, found);
  }
  return found;
}
