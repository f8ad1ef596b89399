// The ruler above the rows, the lines behind them, and the line of now.

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { computed } from "@preact/signals";
import { replayAt } from "../state";
import { clock, dayOf, now, timeOfDay, zoneName } from "../times";
import { t } from "../words";
import { HOUR_MS, ticksOf, xOf } from "./axis";
import { axis, scale, widthPx } from "./view";

/** The size of a letter that the rows are measured for. */
const USUAL_FONT_PX = 14;

/** How near to the mark of now a line keeps its time to itself. */
const NOW_PX = 44;
/** How near to the left edge a time would be cut. */
const EDGE_PX = 16;

const ticks = computed(() => ticksOf(axis.value, zoneName(), scale.value));

/** The instant that stands out: now, or the one that is replayed. */
const marked = computed(() => replayAt.value?.getTime() ?? now.value);

export function Ruler(): JSX.Element {
  const track = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!track.current) return;
    const watching = new ResizeObserver(([entry]) => {
      widthPx.value = entry?.contentRect.width ?? 0;
      scale.value = parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL_FONT_PX;
    });
    watching.observe(track.current);
    return () => watching.disconnect();
  }, []);
  const x = xOf(axis.value, marked.value);
  const days = axis.value.toMs - axis.value.fromMs > 24 * HOUR_MS;
  return (
    <div class="time-ruler" aria-hidden="true">
      <div class="time-corner">{dayOf(axis.value.fromMs)}</div>
      <div ref={track} class="time-ruler-track">
        {ticks.value.filter((tick) => tick.x > EDGE_PX * scale.value && Math.abs(tick.x - x) > NOW_PX * scale.value).map((tick) => (
          <span key={tick.atMs} class={tick.major ? "tick major" : "tick"} style={{ left: `${tick.x}px` }}>
            {days && tick.major ? dayOf(tick.atMs) : timeOfDay(tick.atMs)}
          </span>
        ))}
        {x >= 0 && x <= axis.value.widthPx && (
          <span class={`tick now${replayAt.value ? " replayed" : ""}`} style={{ left: `${x}px` }}>{replayAt.value ? clock(marked.value) : timeOfDay(marked.value)}</span>
        )}
      </div>
    </div>
  );
}

export function Lines(): JSX.Element {
  return (
    <div class="time-lines" aria-hidden="true">
      {ticks.value.map((tick) => <i key={tick.atMs} class={tick.major ? "major" : ""} style={{ left: `${tick.x}px` }} />)}
    </div>
  );
}

export function NowLine(): JSX.Element | null {
  const x = xOf(axis.value, marked.value);
  if (x < 0 || x > axis.value.widthPx) return null;
  return (
    <div class="time-lines over" aria-hidden="true">
      <i class={replayAt.value ? "now replayed" : "now"} style={{ left: `${x}px` }} title={t("now")} />
    </div>
  );
}
