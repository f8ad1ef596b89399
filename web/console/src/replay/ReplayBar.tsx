// The bar of the replay over the map: the day, run and pause, how fast, the moment, what happened last and when the office learned of it.

import { useEffect, useRef } from "preact/hooks";
import { keys } from "../keys";
import { board } from "../state/board";
import { replayAt } from "../state/selection";
import { dark } from "../theme";
import { clock, count, dayBegin, dayOf, nowMs, timeOfDay } from "../times";
import { t, words } from "../words";
import { close, followUrl, loading, open, pause, play, problem, running, seek, seekStep, SPEEDS, speed, telling, toggleReplay } from "./replaying";
import "./replay.css";

const HOUR_MS = 3_600_000;
const PARTS = 240;
/** What the office learned of so much later than it happened is said to be late. */
const LEARNED_LATE_MS = 5 * 60_000;

export function ReplayBar() {
  useEffect(() => {
    const end = followUrl();
    // Whoever signs in after somebody else must not find their day.
    return () => {
      end();
      close();
    };
  }, []);
  useEffect(replayKeys, []);
  return replayAt.value === null ? null : <Bar at={replayAt.value} />;
}

function Bar({ at }: { at: Date }) {
  const told = telling.value;
  const ms = at.getTime();
  const day = dayBegin(ms);
  return (
    <div class="replay" role="region" aria-label={t("replay")} aria-busy={loading.value}>
      <div class="replay-tools">
        <button type="button" class="bare" aria-label={t("replay_day_before")} title={t("replay_day_before")} onClick={() => void open(day - 12 * HOUR_MS)}>‹</button>
        <b>{dayOf(day)}</b>
        <button type="button" class="bare" disabled={day + 24 * HOUR_MS > nowMs()} aria-label={t("replay_day_after")} title={t("replay_day_after")} onClick={() => void open(day + 36 * HOUR_MS)}>›</button>
        <button type="button" class="replay-run" disabled={!told} aria-label={t(running.value ? "replay_pause" : "replay_play")} title={t(running.value ? "replay_pause" : "replay_play")} onClick={() => (running.value ? pause() : play())}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="currentColor"><path d={running.value ? "M4 3h3v10H4zM9 3h3v10H9z" : "M4.5 2.5l8.5 5.5-8.5 5.5z"} /></svg>
        </button>
        <time class="replay-time">{timeOfDay(at)}</time>
        <label class="replay-speed"><span class="away">{t("replay_speed")}</span>
          <select value={String(speed.value)} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
            {SPEEDS.map((each) => <option key={each} value={String(each)}>{t("replay_speed_of", { n: each / 60 })}</option>)}
          </select>
        </label>
        <button type="button" class="bare replay-close" aria-label={t("replay_close")} title={t("replay_close")} onClick={close}>✕</button>
      </div>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      {told && (
        <div class="replay-slide">
          <Density />
          <input
            type="range" min={told.fromMs} max={told.toMs} step={60_000} value={ms} aria-label={t("replay_moment")} aria-valuetext={clock(at)}
            onInput={(event) => { pause(); seek(Number(event.currentTarget.value)); }}
          />
        </div>
      )}
      <Last ms={ms} />
    </div>
  );
}

/** How much happened when, as a skyline over the slider. */
function Density() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const told = telling.value;
  const night = dark.value;
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (!pen || !told || !canvas.current) return;
    const counts = told.density(PARTS);
    const most = Math.max(1, ...counts);
    canvas.current.width = PARTS * 2;
    canvas.current.height = 28;
    pen.fillStyle = getComputedStyle(canvas.current).color;
    counts.forEach((one, part) => pen.fillRect(part * 2, 28 - Math.sqrt(one / most) * 28, 1.5, 28));
  }, [told, night]);
  return <canvas class="replay-density" ref={canvas} aria-hidden="true" />;
}

/** What happened last, whose and when; and when the office learned of it, if that was later. */
function Last({ ms }: { ms: number }) {
  const told = telling.value;
  if (!told) return <p class="soft">{loading.value ? t("loading") : ""}</p>;
  const done = told.countUntil(ms);
  const step = told.steps[done - 1];
  const held = board.value;
  const crew = step && held.crews.get(step.crew_id ?? step.person_id ?? "");
  const job = step && told.jobOf(step.job_id);
  const learnedMs = step ? Date.parse(step.recorded_at) : 0;
  const late = step !== undefined && learnedMs - Date.parse(step.at) > LEARNED_LATE_MS;
  return (
    <p class="replay-last">
      {step ? <><time>{timeOfDay(step.at)}</time> <b>{words(step.name)}</b> {job?.number} {job?.title} <span>{crew?.name}</span></> : t("replay_nothing_yet")}
      {late && <em>{t("replay_learned", { at: clock(learnedMs) })}</em>}
      <span class="replay-count">{t("replay_steps", { done: count(done), all: count(told.steps.length) })}</span>
    </p>
  );
}

function replayKeys(): () => void {
  const group = "replay" as const;
  const during = (run: () => void) => (): boolean => {
    if (!telling.peek()) return false;
    run();
    return true;
  };
  return keys(
    { keys: ["r"], says: "replay", group, run: toggleReplay },
    { keys: ["."], says: "replay_next_step", group, run: during(() => seekStep(1)) },
    { keys: [","], says: "replay_previous_step", group, run: during(() => seekStep(-1)) },
    { keys: [";"], says: "replay_play", group, run: during(() => (running.peek() ? pause() : play())) },
  );
}
