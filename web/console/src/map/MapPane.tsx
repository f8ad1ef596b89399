// The pane of the map: builds the stage when it is first seen, and lays tools, card and legend over it.

import type { MapSetup } from "@contract";
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get } from "../api/calls";
import { wall } from "../shell/panes";
import { board } from "../state/board";
import { dark } from "../theme";
import { language, t } from "../words";
import { bind, cameraInUrl, showAll } from "./binding";
import { mapKeys } from "./keyboard";
import { Legend } from "./Legend";
import { MapCard } from "./MapCard";
import { MapTools } from "./MapTools";
import { type LassoPen, point } from "./pointing";
import { StackList } from "./StackList";
import { type Appearance, Stage } from "./stage";
import { fault, lassoing, parted, spoken, stack, stage, tracksShown, unplaced } from "./view";
import { selectMany } from "../state/selection";
import "maplibre-gl/dist/maplibre-gl.css";
import "./map.css";

/** Letters of a desk's screen: on a wall they are larger, and signs with them. */
const DESK_REM_PX = 14;

export function MapPane() {
  const host = useRef<HTMLDivElement>(null);
  const outline = useRef<SVGPolygonElement>(null);
  useEffect(() => {
    const element = host.current;
    return element ? begin(element, penOf(outline)) : undefined;
  }, []);
  return (
    <div class={`map ${lassoing.value ? "lassoing" : ""}`} data-ready={stage.value ? "" : undefined}>
      <div class="map-host" ref={host} />
      <svg class="lasso" aria-hidden="true"><polygon ref={outline} /></svg>
      {fault.value && <p class="map-fault" role="status">{fault.value}</p>}
      {lassoing.value && <p class="map-hint" role="status">{t("map_lasso_hint")}</p>}
      <p class="away" role="status">{spoken.value}</p>
      <MapTools />
      <MapCard />
      <StackList />
      <Legend />
      {unplaced.value.length > 0 && (
        <button type="button" class="map-unplaced" onClick={() => selectMany(unplaced.value)} title={t("map_unplaced_hint")}>
          {t("map_unplaced", { n: unplaced.value.length })}
        </button>
      )}
    </div>
  );
}

/** Build the map; gives what takes it away. */
function begin(host: HTMLElement, pen: LassoPen): () => void {
  const stopping = new AbortController();
  const ends: (() => void)[] = [];
  void (async () => {
    try {
      // With the first board the map begins where the work is, and asks for no tile that nobody looks at.
      const [setup] = await Promise.all([get<MapSetup>("/api/v1/map", {}, stopping.signal), firstBoard(stopping.signal)]);
      if (stopping.signal.aborted) return;
      const made = new Stage(host, setup, { appearance: appearance(), camera: cameraInUrl(), locale: sayings(), faulty: tellFault });
      stage.value = made;
      ends.push(() => made.destroy(), point(made, host, pen), mapKeys(made), bind(made), effect(() => made.dress(appearance())), label(made));
      if (!cameraInUrl()) await showAll(made, false);
    } catch (error) {
      if (!stopping.signal.aborted) fault.value = `${t("map_failed")} ${error instanceof Error ? error.message : ""}`.trim();
    }
  })();
  return () => {
    stopping.abort();
    stage.value = stack.value = null;
    fault.value = spoken.value = "";
    lassoing.value = false;
    for (const end of ends.reverse()) end();
  };
}

function appearance(): Appearance {
  // As styles/base.css sizes the letters of a wall.
  const scale = wall.value === "1" ? Math.min(40, Math.max(16, window.innerWidth * 0.0105)) / DESK_REM_PX : 1;
  return { theme: dark.value ? "dark" : "light", language: language.value, scale, tracksShown: tracksShown.value, parted: parted.value };
}

/** Wait for the first board, or until nobody waits any more. */
function firstBoard(stopping: AbortSignal): Promise<void> {
  let end = (): void => undefined;
  const loaded = new Promise<void>((resolve) => {
    end = effect(() => {
      if (board.value.loaded) resolve();
    });
    stopping.addEventListener("abort", () => resolve());
  });
  return loaded.finally(() => end());
}

/** The canvas is what takes the focus: it says what it is, in the language of the page. */
function label(made: Stage): () => void {
  const canvas = made.map.getCanvas();
  canvas.setAttribute("role", "application");
  return effect(() => {
    canvas.setAttribute("aria-label", t("map_canvas"));
    canvas.setAttribute("aria-roledescription", t("map"));
  });
}

function tellFault(message: string): void {
  // A tile that is given up because the map has moved on is no fault.
  if (!message || message.includes("abort")) return;
  fault.value = `${t("map_ground_failed")} ${message}`;
}

function sayings(): Record<string, string> {
  return { "ScaleControl.Meters": "m", "ScaleControl.Kilometers": "km", "Map.Title": t("map_canvas"), "AttributionControl.ToggleAttribution": t("map_attribution") };
}

function penOf(outline: { readonly current: SVGPolygonElement | null }): LassoPen {
  const draw: LassoPen["draw"] = (points) => outline.current?.setAttribute("points", points.map(({ x, y }) => `${x},${y}`).join(" "));
  return { begin: (at) => draw([at]), draw, end: () => draw([]) };
}
