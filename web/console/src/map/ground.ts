// What lies under the jobs: the style of our own basemap, or an operator's raster, PMTiles or style. Knows no data of an organisation.

import type { Ground } from "@contract";
import type { ExpressionSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from "maplibre-gl";
import type { Language } from "../words";
import type { GroundColours, Palette } from "./palette";

export interface GroundStyle {
  readonly sources: Record<string, SourceSpecification>;
  readonly layers: LayerSpecification[];
}

/** Fonts of this computer: there is no glyph server. The first name only says how heavy. */
export const FONT = ["system-ui", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "sans-serif"];
export const BOLD = ["Bold", ...FONT];

const SOURCE = "ground";

/** Make the part of the style that lies below; the background alone where there is no ground, and below an operator's raster. */
export function groundStyle(ground: Ground | null, palette: Palette, language: Language): GroundStyle {
  const background: LayerSpecification = { id: "ground-outside", type: "background", paint: { "background-color": palette.ground.outside } };
  if (!ground || ground.kind === "style") return { sources: {}, layers: ground ? [] : [background] };
  if (ground.kind === "raster") {
    return {
      sources: { [SOURCE]: { type: "raster", tiles: [ground.url], tileSize: 256 } },
      layers: [background, { id: "ground-raster", type: "raster", source: SOURCE }],
    };
  }
  const url = `pmtiles://${new URL(ground.url, location.href).href}`;
  return { sources: { [SOURCE]: { type: "vector", url } }, layers: [background, ...cityLayers(palette.ground, language)] };
}

/** The address of an operator's own style, if that is the ground. */
export function styleAddress(ground: Ground | null): string | null {
  return ground?.kind === "style" ? ground.url : null;
}

/** The fonts that an operator's glyph server has: those its own labels use. Ours where labels are drawn from local fonts. */
export function fontsOf(style: StyleSpecification): { plain: string[]; bold: string[] } {
  if (!style.glyphs) return { plain: FONT, bold: BOLD };
  for (const layer of style.layers) {
    const fonts = layer.type === "symbol" ? layer.layout?.["text-font"] : undefined;
    const named = Array.isArray(fonts) ? (fonts as readonly unknown[]).filter((font): font is string => typeof font === "string") : [];
    // An expression is an array too: it begins with the name of an operator and holds what is no text.
    if (named.length && named.length === (fonts as readonly unknown[]).length) return { plain: named, bold: named };
  }
  return { plain: FONT, bold: BOLD };
}

function cityLayers(colours: GroundColours, language: Language): LayerSpecification[] {
  return [...areas(colours), ...pipes(colours), ...streets(colours), ...labels(colours, language)];
}

const from = (layer: string): { source: string; "source-layer": string } => ({ source: SOURCE, "source-layer": layer });
const byZoom = (...stops: number[]): ExpressionSpecification => ["interpolate", ["exponential", 1.6], ["zoom"], ...stops] as unknown as ExpressionSpecification;

function areas(colours: GroundColours): LayerSpecification[] {
  const use = ["match", ["get", "use"], ...Object.entries(colours.use).flat(), colours.land] as unknown as ExpressionSpecification;
  return [
    { id: "ground-land", type: "fill", ...from("land"), paint: { "fill-color": colours.land } },
    { id: "ground-blocks", type: "fill", ...from("blocks"), paint: { "fill-color": use } },
    { id: "ground-water", type: "fill", ...from("water"), paint: { "fill-color": colours.water } },
    {
      id: "ground-buildings", type: "fill", ...from("buildings"), minzoom: 15,
      paint: { "fill-color": colours.building, "fill-opacity": ["interpolate", ["linear"], ["zoom"], 15, 0, 15.6, 1] },
    },
  ];
}

function streets(colours: GroundColours): LayerSpecification[] {
  const wide: ExpressionSpecification = ["match", ["get", "class"], ["ring", "arterial"], true, false];
  const width = byZoom(10, 0.6, 13, ["match", ["get", "class"], "ring", 4, "arterial", 3.2, "collector", 1.8, 1] as never, 16, ["match", ["get", "class"], "ring", 14, "arterial", 12, "collector", 9, 6] as never);
  return [
    {
      id: "ground-street-casing", type: "line", ...from("streets"), minzoom: 10, filter: wide,
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.casing, "line-width": byZoom(10, 1.8, 13, 5.2, 16, 16) },
    },
    {
      id: "ground-streets", type: "line", ...from("streets"),
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": ["case", wide, colours.arterial, colours.street], "line-width": width },
    },
  ];
}

function pipes(colours: GroundColours): LayerSpecification[] {
  const medium = ["match", ["get", "medium"], ...Object.entries(colours.pipe).flat(), colours.casing] as unknown as ExpressionSpecification;
  return [
    {
      id: "ground-pipes", type: "line", ...from("pipes"), minzoom: 14.5,
      paint: { "line-color": medium, "line-width": byZoom(14.5, 0.8, 18, 3), "line-dasharray": [3, 1.5] },
    },
    {
      id: "ground-valves", type: "circle", ...from("valves"), minzoom: 16,
      paint: { "circle-radius": 3, "circle-color": colours.land, "circle-stroke-color": medium, "circle-stroke-width": 1.4 },
    },
  ];
}

function labels(colours: GroundColours, language: Language): LayerSpecification[] {
  const name: ExpressionSpecification = language === "zh" ? ["coalesce", ["get", "name_zh"], ["get", "name"]] : ["get", "name"];
  const paint = { "text-color": colours.text, "text-halo-color": colours.halo, "text-halo-width": 1.3 };
  return [
    {
      id: "ground-street-names", type: "symbol", ...from("streets"), minzoom: 13,
      layout: { "symbol-placement": "line", "text-field": name, "text-font": FONT, "text-size": byZoom(13, 10.5, 17, 13.5), "symbol-spacing": 420, "text-max-angle": 30, "text-padding": 6 },
      paint,
    },
    {
      id: "ground-house-numbers", type: "symbol", ...from("addresses"), minzoom: 16.5,
      layout: { "text-field": ["to-string", ["get", "number"]], "text-font": FONT, "text-size": 11 },
      paint,
    },
    {
      id: "ground-depots", type: "symbol", ...from("depots"), minzoom: 13,
      layout: { "icon-image": ["concat", "depot|", ["get", "kind"]], "icon-allow-overlap": true, "text-field": name, "text-font": FONT, "text-size": 11.5, "text-offset": [0, 1.1], "text-anchor": "top", "text-optional": true },
      paint,
    },
  ];
}
