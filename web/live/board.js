// Shows a summary of the organisation. Builds nodes from text alone, so nothing that somebody wrote can become markup.

import { drawStates, drawStrip } from "./charts.js";
import { t, words } from "./texts.js";
import { ago, clock, count, minutesFromNow, money, nowMs, settle } from "./times.js";

const ROWS = 8;
const FRESH_MIN = 5;
const SILENT_MIN = 30;

let last = null;
let told = "";

const part = (id) => document.getElementById(id);

/** Show a summary that just came. */
export function show(summary, offsetMs) {
  settle(summary.zone, offsetMs);
  last = summary;
  draw();
  const news = t("news", {
    overdue: count(summary.overdue_count), quarantine: count(summary.quarantine_count), approvals: count(summary.approval_count),
  });
  if (news !== told) part("news").textContent = told = news;
}

/** Show the last summary again: time has passed, or the language or the width changed. */
export function draw() {
  if (!last) return;
  document.title = `${last.organisation} · Onsite`;
  part("organisation").textContent = last.organisation;
  part("today").textContent = t("today_line", { reported: count(last.reported_today), zone: last.zone, time: clock(nowMs()) });
  drawStates(part("states"), part("unit"), last.states);
  drawStrip(part("strip"), last.due);
  drawDue();
  drawLate();
  drawDevices();
  drawInboxes();
}

export function clear() {
  last = null;
  told = "";
  document.title = "Onsite";
}

function drawDue() {
  badge("due-count", last.due_count, last.overdue_count ? t("overdue", { n: count(last.overdue_count) }) : "", last.overdue_count > 0);
  const due = [...last.due].sort((a, b) => a.due_at.localeCompare(b.due_at) || a.number.localeCompare(b.number));
  const open = due.filter((job) => minutesFromNow(job.due_at) >= 0);
  // The latest of the overdue are the ones that can still be helped: a few of them, then what comes.
  const chosen = [...due.filter((job) => minutesFromNow(job.due_at) < 0).slice(-Math.max(ROWS - open.length, 4)), ...open].slice(0, ROWS);
  rows("due", chosen, last.due_count, t("nothing_due"), (job) => [
    jobCell(job), cell(job.assignee || t("nobody"), job.assignee ? "" : "missing"),
    cell([clock(job.due_at), small(ago(job.due_at))], minutesFromNow(job.due_at) < 0 ? "time bad" : "time"),
  ]);
}

function drawLate() {
  badge("late-count", last.late_count, "", last.late_count > 0);
  rows("late", last.late, last.late_count, t("nothing_late"), (job) => [
    jobCell(job), cell(clock(job.due_at), "time"), cell(clock(job.arrived_at), "time bad"), cell(job.recorded_at ? clock(job.recorded_at) : "–", "time"),
  ]);
}

function drawDevices() {
  badge("device-count", last.device_count, "", false);
  part("device-hint").textContent = t("device_hint", {
    silent: count(last.silent_count), all: count(last.device_count), unsent: count(last.unsent_count),
  });
  rows("devices", last.devices, last.device_count, t("no_devices"), (device) => {
    const age = device.pulled_at ? -minutesFromNow(device.pulled_at) : Infinity;
    const kind = age < FRESH_MIN ? "fresh" : age < SILENT_MIN ? "stale" : "silent";
    const mark = { fresh: "●", stale: "◐", silent: "○" }[kind];
    return [
      cell([device.name, device.holder && device.holder !== device.name ? small(device.holder) : ""]),
      cell([span(mark, `mark ${kind}`), device.pulled_at ? ago(device.pulled_at) : t("never")], kind),
      cell(count(device.unsent ?? 0), device.unsent ? "number bad" : "number"),
    ];
  });
}

function drawInboxes() {
  badge("quarantine-count", last.quarantine_count, "", last.quarantine_count > 0);
  entries("quarantine", last.quarantine, last.quarantine_count, (entry) => [
    [words(entry.name), entry.job_number], [reasonOf(entry), entry.person || entry.device, ago(entry.received_at)],
  ]);
  badge("approval-count", last.approval_count, "", false);
  entries("approvals", last.approvals, last.approval_count, (each) => [
    [money(each.amount, each.currency), each.job_number],
    [t("for_role", { who: each.person || words(each.role ?? "") }), each.asked_by ? t("asked_by", { who: each.asked_by }) : "", each.after_hours ? t("after_hours") : "", ago(each.asked_at)],
  ]);
  badge("held-count", last.held_count, "", false);
  entries("held", last.held, last.held_count, (each) => [
    [words(each.name), each.person ?? ""], [ago(each.held_at), t("expires", { time: clock(each.expires_at) })],
  ]);
  badge("flagged-count", last.flagged_count, "", last.flagged_count > 0);
  entries("flagged", last.flagged, last.flagged_count, (job) => [
    [job.number, job.title ?? ""], [job.flags.map(words).join(" · "), t(job.state)],
  ]);
}

function reasonOf(entry) {
  const text = entry.text ?? {};
  return (document.documentElement.lang.startsWith("zh") ? text.zh : text.en) || words(entry.reason);
}

function badge(id, number, extra, alarming) {
  const node = part(id);
  node.textContent = extra ? `${count(number)} · ${extra}` : count(number);
  node.classList.toggle("bad", alarming);
}

function rows(id, items, total, nothing, cells) {
  const made = items.map((item) => {
    const row = document.createElement("tr");
    row.append(...cells(item));
    return row;
  });
  if (!items.length) made.push(wide(nothing));
  else if (total > items.length) made.push(wide(t("more", { n: count(total - items.length) })));
  part(id).replaceChildren(...made);
}

function wide(text) {
  const row = document.createElement("tr");
  const only = cell(text, "hint");
  only.colSpan = 4;
  row.append(only);
  return row;
}

function entries(id, items, total, lines) {
  const made = items.map((item) => {
    const [first, second] = lines(item);
    const entry = document.createElement("li");
    entry.append(line(first, "first"), line(second, "second"));
    return entry;
  });
  if (!items.length) made.push(note(t("empty")));
  else if (total > items.length) made.push(note(t("more", { n: count(total - items.length) })));
  part(id).replaceChildren(...made);
}

function line(parts, kind) {
  const made = document.createElement("span");
  made.className = kind;
  made.append(...parts.filter(Boolean).map((text) => span(text, "")));
  return made;
}

function note(text) {
  const entry = document.createElement("li");
  entry.className = "hint";
  entry.textContent = text;
  return entry;
}

function jobCell(job) {
  return cell([span(job.number, `number-of ${job.priority}`), small([job.title, job.district].filter((each) => each && each !== "-").join(" · "))]);
}

function cell(content, kind = "") {
  const made = document.createElement("td");
  made.className = kind;
  made.append(...[content].flat().filter((each) => each !== ""));
  return made;
}

function small(text) {
  return span(text, "small");
}

function span(text, kind) {
  const made = document.createElement("span");
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}
