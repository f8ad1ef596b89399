// The tools over the map: nearer, farther, everything, lasso, tracks, legend.

import { toggleReplay } from "../replay/replaying";
import { replayAt } from "../state/selection";
import { t, type Key } from "../words";
import { showAll } from "./binding";
import { lassoing, legendShown, stage, tracksShown } from "./view";

const DRAWN = {
  nearer: "M8 3v10M3 8h10",
  farther: "M3 8h10",
  all: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  lasso: "M8 2.5c3.3 0 6 1.7 6 3.9s-2.7 3.9-6 3.9-6-1.7-6-3.9 2.7-3.9 6-3.9zM4.4 9.6c-1 .9-.8 2.4.5 2.6 1.4.2 1.6-1.3.7-2M5.2 12.2c-.3 1-1 1.5-1.9 1.7",
  tracks: "M3.5 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM12.5 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM5 12h5.2a2.2 2.2 0 0 0 0-4.4H6a2.2 2.2 0 0 1 0-4.4h5",
  replay: "M2.8 8.2a5.3 5.3 0 1 0 1.7-4.1M2.6 2.2v2.7h2.7M8 5.4v2.8l2 1.2",
  legend: "M3 4h.1M3 8h.1M3 12h.1M6 4h7.5M6 8h7.5M6 12h7.5",
} as const;

interface ToolProps {
  readonly says: Key;
  readonly drawn: keyof typeof DRAWN;
  readonly pressed?: boolean;
  readonly act: () => void;
}

function Tool({ says, drawn, pressed, act }: ToolProps) {
  return (
    <button type="button" class="map-tool" aria-label={t(says)} title={t(says)} aria-pressed={pressed} onClick={act}>
      <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" focusable="false">
        <path d={DRAWN[drawn]} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
      </svg>
    </button>
  );
}

export function MapTools() {
  const made = stage.value;
  if (!made) return null;
  return (
    <div class="map-tools" role="toolbar" aria-orientation="vertical" aria-label={t("map_tools")}>
      <span class="map-tool-group">
        <Tool says="map_nearer" drawn="nearer" act={() => made.map.zoomIn()} />
        <Tool says="map_farther" drawn="farther" act={() => made.map.zoomOut()} />
        <Tool says="map_all" drawn="all" act={() => void showAll(made)} />
      </span>
      <span class="map-tool-group">
        <Tool says="map_lasso" drawn="lasso" pressed={lassoing.value} act={() => (lassoing.value = !lassoing.peek())} />
        {made.hasTracks && <Tool says="map_tracks" drawn="tracks" pressed={tracksShown.value} act={() => (tracksShown.value = !tracksShown.peek())} />}
        <Tool says="replay" drawn="replay" pressed={replayAt.value !== null} act={toggleReplay} />
        <Tool says="map_legend" drawn="legend" pressed={legendShown.value} act={() => (legendShown.value = !legendShown.peek())} />
      </span>
    </div>
  );
}
