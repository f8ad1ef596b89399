// Instants in words: the organisation's own time of day, and how long ago or ahead. Never a time of this computer's zone.

import { currentLanguage, t } from "./texts.js";

const MINUTE = 60_000;
const STEPS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", MINUTE]];

let zone = "UTC";
let offsetMs = 0;
const cache = new Map();

/** Take on the organisation's zone and how far this computer's clock is from the server's. */
export function settle(zoneName, serverOffsetMs) {
  zone = zoneName;
  offsetMs = serverOffsetMs;
}

/** The server's time, in milliseconds. */
export function nowMs() {
  return Date.now() + offsetMs;
}

/** The time of day; with the date when it is another day. */
export function clock(instant, seconds = false) {
  const at = new Date(instant);
  const time = format({ hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }), hourCycle: "h23" }).format(at);
  const day = format({ month: "short", day: "numeric" });
  return day.format(at) === day.format(nowMs()) ? time : `${day.format(at)} ${time}`;
}

/** How long ago, or in how long. */
export function ago(instant) {
  const span = new Date(instant).getTime() - nowMs();
  const [unit, size] = STEPS.find(([, ms]) => Math.abs(span) >= ms) ?? [null, 0];
  if (!unit) return t("now");
  const key = `relative ${currentLanguage()}`;
  if (!cache.has(key)) cache.set(key, new Intl.RelativeTimeFormat(currentLanguage(), { style: "short", numeric: "always" }));
  return cache.get(key).format(Math.trunc(span / size), unit);
}

export function minutesFromNow(instant) {
  return (new Date(instant).getTime() - nowMs()) / MINUTE;
}

export function count(number) {
  const key = `count ${currentLanguage()}`;
  if (!cache.has(key)) cache.set(key, new Intl.NumberFormat(currentLanguage()));
  return cache.get(key).format(number);
}

export function money(amount, currency) {
  return new Intl.NumberFormat(currentLanguage(), { style: "currency", currency }).format(Number(amount));
}

function format(options) {
  const key = JSON.stringify([currentLanguage(), zone, options]);
  if (!cache.has(key)) cache.set(key, new Intl.DateTimeFormat(currentLanguage(), { ...options, timeZone: zone }));
  return cache.get(key);
}
