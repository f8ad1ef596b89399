// Layers of our own above the ground: jobs and clusters, crews, districts, lines, what is pointed at. Owns looks; no data and no map.

import type { FeatureCollection } from "geojson";
import type { ExpressionSpecification, LayerSpecification, SourceSpecification } from "maplibre-gl";
import type { Language } from "../words";
import { CLUSTER_PARTS } from "./drawing";
import type { Palette } from "./palette";

export const JOBS = "jobs";
export const CLUSTERS = "clusters";
export const CREWS = "crews";
export const LINES = "lines";
export const FOCUS = "focus";
/** What is selected or pointed at, drawn above all clusters: a job there can be taken hold of although a cluster holds it, too. */
export const FOCUS_JOBS = "focus-jobs";
export const DISTRICTS = "districts";
export const TRACKS = "tracks";
/** Above this zoom jobs of one spot are listed, not spread. */
export const CLUSTER_ZOOM_MAX = 18;
export const ZOOM_MAX = 20;
const CLUSTER_RADIUS_PX = 58;
/** A district that lies in few tiles has its name few times. */
const DISTRICTS_ZOOM_MAX = 11;

export interface Looks {
  readonly palette: Palette;
  readonly language: Language;
  readonly fonts: { readonly plain: string[]; readonly bold: string[] };
  /** How much larger than on a desk: a wall is read from afar. */
  readonly scale: number;
  readonly tracksShown: boolean;
  /** Districts that are parted into others: those have the names on the map. */
  readonly parted: readonly string[];
}

const EMPTY: FeatureCollection = { type: "FeatureCollection", features: [] };
const total = (name: string): ExpressionSpecification => ["coalesce", ["get", name], 0];
const summed = (name: string): [string, ExpressionSpecification] => ["+", total(name)];

/** The sources above the ground. `tiles` gives the address of a layer of the organisation's tiles, null where the caller may not see it. */
export function ownSources(tiles: (layer: string) => { url: string; min_zoom: number } | null): Record<string, SourceSpecification> {
  const sources: Record<string, SourceSpecification> = {
    [JOBS]: {
      type: "geojson", data: EMPTY, promoteId: "id", maxzoom: CLUSTER_ZOOM_MAX + 1, cluster: true, clusterRadius: CLUSTER_RADIUS_PX, clusterMaxZoom: CLUSTER_ZOOM_MAX,
      clusterProperties: { u: summed("u"), a: summed("a"), w: summed("w"), h: summed("h"), late: summed("late"), rank: ["max", total("rank")] },
    },
    [CREWS]: { type: "geojson", data: EMPTY, promoteId: "id" },
    [LINES]: { type: "geojson", data: EMPTY },
    [FOCUS]: { type: "geojson", data: EMPTY },
  };
  for (const layer of [DISTRICTS, TRACKS]) {
    const from = tiles(layer);
    if (from) sources[layer] = { type: "vector", tiles: [from.url], minzoom: from.min_zoom, maxzoom: layer === DISTRICTS ? DISTRICTS_ZOOM_MAX : 14 };
  }
  return sources;
}

/** The layers above the ground, lowest first; only those whose source there is. */
export function ownLayers(looks: Looks, sources: Record<string, SourceSpecification>): LayerSpecification[] {
  const layers = [...districtLayers(looks), ...lineLayers(looks), ...clusterLayers(looks), ...jobLayers(looks), ...crewLayers(looks), ...focusLayers(looks), ...signLayers(looks)];
  return layers.filter((layer) => "source" in layer && layer.source in sources);
}

function districtLayers({ palette, language, fonts, parted }: Looks): LayerSpecification[] {
  const from = { source: DISTRICTS, "source-layer": DISTRICTS };
  return [
    {
      id: "district-lines", type: "line", ...from, layout: { "line-join": "round" },
      paint: { "line-color": palette.ground.district, "line-opacity": 0.65, "line-width": ["interpolate", ["linear"], ["zoom"], 9, 0.8, 15, 2], "line-dasharray": [4, 2, 1, 2] },
    },
    {
      id: "district-names", type: "symbol", ...from, minzoom: 10, maxzoom: 15, filter: ["!", ["in", ["get", "id"], ["literal", [...parted]]]],
      layout: {
        "text-field": language === "zh" ? ["coalesce", ["get", "name_zh"], ["get", "name"]] : ["get", "name"],
        "text-font": fonts.bold, "text-size": 12, "text-letter-spacing": language === "zh" ? 0.15 : 0.06, "text-max-width": 8, "text-padding": 12,
      },
      paint: { "text-color": palette.ground.district, "text-halo-color": palette.ground.halo, "text-halo-width": 1.5 },
    },
  ];
}

function lineLayers({ palette, tracksShown }: Looks): LayerSpecification[] {
  const kind = (name: string): ExpressionSpecification => ["==", ["get", "kind"], name];
  const round = { "line-cap": "round", "line-join": "round" } as const;
  return [
    {
      id: "tracks", type: "line", source: TRACKS, "source-layer": TRACKS, layout: { ...round, visibility: tracksShown ? "visible" : "none" },
      paint: { "line-color": palette.track, "line-width": 2.4, "line-opacity": 0.7 },
    },
    { id: "line-trail", type: "line", source: LINES, filter: kind("trail"), layout: round, paint: { "line-color": palette.track, "line-width": 3, "line-opacity": 0.75 } },
    { id: "line-casing", type: "line", source: LINES, filter: ["in", ["get", "kind"], ["literal", ["route", "way"]]], layout: round, paint: { "line-color": palette.paper, "line-width": 5, "line-opacity": 0.85 } },
    { id: "line-route", type: "line", source: LINES, filter: kind("route"), layout: round, paint: { "line-color": palette.accent, "line-width": 2.4 } },
    {
      id: "line-ghost", type: "line", source: LINES, filter: kind("ghost"), layout: { "line-cap": "butt", "line-join": "round" },
      paint: { "line-color": palette.tone.held, "line-width": 2.4, "line-dasharray": [1.6, 1.6], "line-opacity": 0.9 },
    },
    { id: "line-way", type: "line", source: LINES, filter: kind("way"), layout: { "line-cap": "butt" }, paint: { "line-color": ["case", ["get", "chosen"], palette.accent, palette.standing.idle], "line-width": ["case", ["get", "chosen"], 3.4, 1.8], "line-dasharray": [2, 1.4] } },
  ];
}

/** Above the jobs: numbers of stops, and how long a way takes. */
function signLayers({ palette, fonts, scale }: Looks): LayerSpecification[] {
  return [
    {
      id: "line-stops", type: "symbol", source: LINES, filter: ["==", ["get", "kind"], "stop"],
      layout: { "icon-image": ["concat", "stop|", ["get", "number"]], "icon-size": scale, "icon-offset": [-17, -15], "icon-allow-overlap": true, "icon-ignore-placement": true },
    },
    {
      id: "line-signs", type: "symbol", source: LINES, filter: ["==", ["get", "kind"], "sign"],
      layout: { "text-field": ["get", "text"], "text-font": fonts.bold, "text-size": 12 * scale, "text-allow-overlap": true },
      paint: { "text-color": palette.ink, "text-halo-color": palette.paper, "text-halo-width": 2.4 },
    },
  ];
}

function clusterLayers({ palette, fonts, scale }: Looks): LayerSpecification[] {
  const part = (name: string): ExpressionSpecification => ["to-string", ["ceil", ["/", ["*", CLUSTER_PARTS, total(name)], ["get", "point_count"]]]];
  const flag = (name: string): ExpressionSpecification => ["case", [">", total(name), 0], "1", "0"];
  const size: ExpressionSpecification = ["step", ["get", "point_count"], "0", 10, "1", 100, "2", 1000, "3"];
  return [
    {
      id: CLUSTERS, type: "symbol", source: JOBS, filter: ["has", "point_count"],
      layout: {
        "icon-image": ["concat", "cluster|", size, "|", part("u"), ",", part("a"), ",", part("w"), ",", part("h"), "|", flag("late"), "|", flag("rank")],
        "icon-size": scale, "icon-allow-overlap": true, "icon-ignore-placement": true,
        "text-field": ["get", "point_count_abbreviated"], "text-font": fonts.bold, "text-size": ["step", ["get", "point_count"], 12.5 * scale, 100, 14 * scale, 1000, 15 * scale],
        "text-allow-overlap": true, "text-ignore-placement": true, "symbol-sort-key": ["get", "point_count"],
      },
      paint: { "text-color": palette.ink },
    },
  ];
}

function jobLayers({ scale }: Looks): LayerSpecification[] {
  return [
    {
      id: JOBS, type: "symbol", source: JOBS, filter: ["!", ["has", "point_count"]],
      layout: { "icon-image": ["get", "image"], "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.8 * scale, 14, scale], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "rank"] },
    },
  ];
}

function crewLayers({ palette, fonts, scale }: Looks): LayerSpecification[] {
  const fade: ExpressionSpecification = ["match", ["get", "age"], "now", 1, "recent", 0.9, "old", 0.7, 0.5];
  return [
    {
      id: "crew-accuracy", type: "circle", source: CREWS, minzoom: 13, filter: [">", ["get", "accuracy"], 0],
      paint: {
        "circle-radius": ["interpolate", ["exponential", 2], ["zoom"], 0, ["get", "accuracy"], 22, ["*", ["get", "accuracy"], 2 ** 22]],
        "circle-color": palette.accent, "circle-opacity": 0.1, "circle-stroke-color": palette.accent, "circle-stroke-opacity": 0.45, "circle-stroke-width": 1, "circle-pitch-alignment": "map",
      },
    },
    {
      id: CREWS, type: "symbol", source: CREWS,
      layout: {
        "icon-image": ["get", "image"], "icon-anchor": "bottom", "icon-offset": [0, 4], "icon-allow-overlap": true, "icon-ignore-placement": true,
        "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.55 * scale, 13, scale],
        "text-field": ["step", ["zoom"], "", 12.5, ["get", "name"]], "text-font": fonts.bold, "text-size": 11 * scale, "text-anchor": "top", "text-offset": [0, 0.35], "text-optional": true,
      },
      paint: { "icon-opacity": fade, "text-color": palette.ink, "text-halo-color": palette.ground.halo, "text-halo-width": 1.6 },
    },
  ];
}

function focusLayers({ scale }: Looks): LayerSpecification[] {
  const image: ExpressionSpecification = ["get", "image"];
  const rank: ExpressionSpecification = ["get", "rank"];
  const shared = { "icon-image": image, "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": rank };
  return [
    { id: FOCUS_JOBS, type: "symbol", source: FOCUS, filter: ["!=", ["get", "kind"], "crew"], layout: { ...shared, "icon-size": scale } },
    { id: "focus-crews", type: "symbol", source: FOCUS, filter: ["==", ["get", "kind"], "crew"], layout: { ...shared, "icon-size": scale, "icon-anchor": "bottom", "icon-offset": [0, 4] } },
  ];
}
