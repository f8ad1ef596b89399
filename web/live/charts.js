// The two pictures: every job a dot in the column of its state, and arrivals on a line of time. What they show also stands as text beside them.

import { clock, count, minutesFromNow, nowMs } from "./times.js";
import { t } from "./texts.js";

const STATES = ["awaiting_triage", "ready", "scheduled", "in_progress", "on_hold", "completed", "closed"];
const WHEN_ANY = ["draft", "cannot_complete", "cancelled"];
const DOTS_MAX = 60;
// Few jobs are drawn large, so that a quiet morning does not look like an empty page.
const SIZES = [[12, "large"], [30, "medium"], [Infinity, "small"]];
const UNITS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const BEFORE_MIN = 60;
const AFTER_MIN = 120;
const SVG = "http://www.w3.org/2000/svg";

/** Draw a column of dots per state. Dots that stay are left alone, so that only what changes moves. */
export function drawStates(list, legend, states) {
  const known = new Map(states.map((each) => [each.state, each]));
  const shown = STATES.concat(WHEN_ANY.filter((state) => known.has(state)));
  const most = Math.max(1, ...states.map((each) => each.jobs));
  const unit = UNITS.find((each) => most / each <= DOTS_MAX) ?? UNITS.at(-1);
  list.dataset.size = SIZES.find(([upTo]) => most / unit <= upTo)[1];
  legend.textContent = unit === 1 ? t("unit_one") : t("unit_many", { n: count(unit) });
  for (const item of [...list.children]) if (!shown.includes(item.dataset.state)) item.remove();
  shown.forEach((state, at) => {
    const { jobs, late } = known.get(state) ?? { jobs: 0, late: 0 };
    let item = list.querySelector(`[data-state="${state}"]`);
    if (!item) {
      item = column(state);
      list.insertBefore(item, list.children[at] ?? null);
    }
    const [dots, number, label, lateness] = item.children;
    number.textContent = count(jobs);
    label.textContent = t(state);
    lateness.textContent = late ? t("late_of", { n: count(late) }) : "";
    fill(dots, Math.ceil(jobs / unit), lateDots(jobs, late, unit));
  });
}

// One at least where something is late, and one left plain where something is not.
function lateDots(jobs, late, unit) {
  const dots = Math.ceil(jobs / unit);
  if (dots < 2) return late * 2 > jobs ? dots : 0;
  return late ? Math.min(Math.max(1, Math.round(late / unit)), late < jobs ? dots - 1 : dots) : 0;
}

function column(state) {
  const item = document.createElement("li");
  item.dataset.state = state;
  for (const name of ["dots", "number", "name", "lateness"]) {
    const part = document.createElement("span");
    part.className = name;
    item.append(part);
  }
  item.firstChild.setAttribute("aria-hidden", "true");
  return item;
}

function fill(box, wanted, late) {
  while (box.children.length > wanted) box.lastChild.remove();
  while (box.children.length < wanted) box.append(document.createElement("i"));
  [...box.children].forEach((dot, at) => dot.classList.toggle("late", at < late));
}

/** Draw arrivals on a line of time around now; the width is the box's. */
export function drawStrip(box, due) {
  const width = Math.max(280, box.clientWidth);
  const x = (minutes) => ((Math.min(AFTER_MIN, Math.max(-BEFORE_MIN, minutes)) + BEFORE_MIN) / (BEFORE_MIN + AFTER_MIN)) * (width - 32) + 16;
  const spots = due.map((job) => ({ job, x: x(minutesFromNow(job.due_at)) })).sort((a, b) => a.x - b.x);
  const lanes = [];
  for (const spot of spots) {
    let lane = lanes.findIndex((end) => spot.x - end >= 15);
    if (lane < 0) lane = lanes.length < 6 ? lanes.push(-Infinity) - 1 : lanes.indexOf(Math.min(...lanes));
    lanes[lane] = spot.x;
    spot.lane = lane;
  }
  const ground = 30 + Math.max(2, lanes.length) * 15;
  const picture = node("svg", { width, height: ground + 24, viewBox: `0 0 ${width} ${ground + 24}` });
  picture.append(node("rect", { x: 0, y: 18, width: x(0), height: ground - 18, class: "past" }));
  picture.append(node("line", { x1: 0, x2: width, y1: ground, y2: ground, class: "ground" }));
  const step = width < 480 ? 60 : 30;
  const first = Math.ceil((nowMs() / 60_000 - BEFORE_MIN) / step) * step;
  for (let minute = first; minute <= nowMs() / 60_000 + AFTER_MIN; minute += step) {
    const at = x(minute - nowMs() / 60_000);
    if (at < 24 || at > width - 24) continue;
    picture.append(node("line", { x1: at, x2: at, y1: ground, y2: ground + 5, class: "ground" }));
    picture.append(node("text", { x: at, y: ground + 19, class: "tick" }, clock(minute * 60_000)));
  }
  for (const { job, x: cx, lane } of spots) {
    const kind = `arrival ${job.assignee ? "taken" : "open"} ${minutesFromNow(job.due_at) < 0 ? "overdue" : job.priority}`;
    picture.append(node("circle", { cx, cy: ground - 10 - lane * 15, r: 5.5, class: kind }));
  }
  picture.append(node("line", { x1: x(0), x2: x(0), y1: 17, y2: ground + 5, class: "now" }));
  picture.append(node("text", { x: x(0), y: 12, class: "tick now" }, t("now")));
  box.replaceChildren(picture);
}

function node(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
