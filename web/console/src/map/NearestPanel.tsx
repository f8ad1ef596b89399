// The panel of who might go: travel time, arrival as a range, reasons, and who cannot and why. Up and down choose, Enter sends.

import type { SuggestionLine } from "@contract";
import { useEffect } from "preact/hooks";
import { board } from "../state/board";
import { count, timeOfDay } from "../times";
import { t, words } from "../words";
import { choose, followNearest, holderOf, nearest, send } from "./nearest";
import { minutesSaid } from "./sayings";

export function NearestPanel() {
  useEffect(followNearest, []);
  const found = nearest.value;
  if (!found) return <p class="nearest-empty">{t("map_nearest_none")}</p>;
  const job = board.value.jobs.get(found.jobId);
  const able = found.lines.map((line, index) => ({ line, index })).filter(({ line }) => line.eligible);
  const others = found.lines.map((line, index) => ({ line, index })).filter(({ line }) => !line.eligible);
  return (
    <div class="nearest" aria-busy={found.loading}>
      <p class="nearest-job"><b>{job?.number}</b> {job?.title}</p>
      {found.problem && <p class="problem" role="alert">{found.problem}</p>}
      {!found.loading && !found.problem && able.length === 0 && <p>{t("map_nearest_nobody")}</p>}
      <ul class="nearest-list" aria-label={t("map_nearest_able")}>
        {able.map(({ line, index }) => <Able key={holderOf(line)} line={line} index={index} chosen={index === found.chosen} />)}
      </ul>
      {others.length > 0 && (
        <details>
          <summary>{t("map_nearest_others", { n: others.length })}</summary>
          <ul class="nearest-list others">
            {others.map(({ line }) => <li key={holderOf(line)}><b>{nameOf(line)}</b><Reasons line={line} /></li>)}
          </ul>
        </details>
      )}
    </div>
  );
}

function Able({ line, index, chosen }: { line: SuggestionLine; index: number; chosen: boolean }) {
  const km = typeof line.distance_m === "number" ? `${count(Math.round(line.distance_m / 100) / 10)} km` : "";
  return (
    <li class={chosen ? "chosen" : ""} onMouseEnter={() => choose(index)}>
      <div>
        <b>{nameOf(line)}</b>
        {line.crew_name && line.person_name && <span class="soft"> {line.person_name}</span>}
        <p class="nearest-travel">
          {typeof line.travel_s === "number" && <strong>{minutesSaid(line.travel_s)}</strong>} {km} {line.source && <span class="soft">{t("map_nearest_source", { source: words(line.source) })}</span>}
        </p>
        {line.earliest_at && line.latest_at && <p>{t("map_nearest_arrival", { from: timeOfDay(line.earliest_at), to: timeOfDay(line.latest_at) })}</p>}
        <Reasons line={line} />
      </div>
      <button type="button" class="nearest-send" onFocus={() => choose(index)} onKeyDown={step} onClick={() => void send(index)} aria-label={t("map_send_crew", { crew: nameOf(line) })}>
        {t("map_send")}
      </button>
    </li>
  );
}

function Reasons({ line }: { line: SuggestionLine }) {
  const reasons = line.reasons ?? [];
  return reasons.length > 0 ? <p class="soft">{reasons.map((reason) => reason.text).join(" · ")}</p> : null;
}

function nameOf(line: SuggestionLine): string {
  return line.crew_name || line.person_name || "";
}

/** Up and down go from one to the next. */
function step(event: KeyboardEvent): void {
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (!by) return;
  const all = [...document.querySelectorAll<HTMLButtonElement>(".nearest-send")];
  all[(all.indexOf(event.currentTarget as HTMLButtonElement) + by + all.length) % all.length]?.focus();
  event.preventDefault();
}
