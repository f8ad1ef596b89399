// The map itself: ground, sources, images, and what is shown on it. Owns the canvas; knows no signal and sends no command.

import type { Ground, MapSetup } from "@contract";
import type { Feature } from "geojson";
import * as maplibre from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { PMTiles, Protocol } from "pmtiles";
import { call } from "../api/session";
import type { Language } from "../words";
import { type Shift, shiftOf } from "./datum";
import { draw } from "./drawing";
import { collectionOf, diffOf, type Shown } from "./features";
import { fontsOf, groundStyle, styleAddress } from "./ground";
import { CREWS, DISTRICTS, FOCUS, JOBS, LINES, ownLayers, ownSources, TRACKS, ZOOM_MAX } from "./layers";
import { paletteOf, type Theme } from "./palette";

export interface Appearance {
  readonly theme: Theme;
  readonly language: Language;
  readonly scale: number;
  readonly tracksShown: boolean;
  readonly parted: readonly string[];
}

export interface Camera {
  readonly lon: number;
  readonly lat: number;
  readonly zoom: number;
}

/** Tiles of the organisation are fetched as whoever is signed in. */
const TILES = "onsite";
/** Images are drawn finer than a screen of one pixel for one: they are turned and scaled. */
const PIXEL_RATIO_MIN = 2;
const FIT_PADDING_PX = 48;
const OUTLINES_KEPT_MS = 5 * 60_000;

let prepared = false;
const archives = new Protocol();

function prepare(): void {
  if (prepared) return;
  prepared = true;
  maplibre.setWorkerUrl(new URL(workerUrl, location.href).href);
  maplibre.addProtocol("pmtiles", archives.tile);
  maplibre.addProtocol(TILES, async (asked, stopping) => ({ data: await tile(asked.url.slice(`${TILES}:/`.length), stopping.signal) }));
}

const outlines = new Map<string, { readonly atMs: number; readonly bytes: Promise<ArrayBuffer> }>();

/** Fetch a tile of ours. Each part of a district's tile that is drawn enlarged asks for the whole again: it is kept for a while. */
async function tile(path: string, stopping: AbortSignal): Promise<ArrayBuffer> {
  if (!path.includes(`/${DISTRICTS}/`)) return (await call(path, { cache: "default", signal: stopping })).arrayBuffer();
  let kept = outlines.get(path);
  if (!kept || performance.now() - kept.atMs > OUTLINES_KEPT_MS) {
    kept = { atMs: performance.now(), bytes: call(path, { cache: "default" }).then((answer) => answer.arrayBuffer()) };
    outlines.set(path, kept);
    kept.bytes.catch(() => outlines.delete(path));
  }
  // The bytes go to a worker for good: each asker gets its own.
  return (await kept.bytes).slice(0);
}

export class Stage {
  readonly map: maplibre.Map;
  readonly shift: Shift;
  private readonly ground: Ground | null;
  private readonly sources: Record<string, maplibre.SourceSpecification>;
  private appearance: Appearance;
  private jobs: Shown = new Map();
  private crews: Shown = new Map();
  private lines: readonly Feature[] = [];
  private focus: readonly Feature[] = [];
  private styled = false;
  private loading = 0;

  /** Build the map in an element. `faulty` is told of what could not be loaded, the ground above all. */
  constructor(
    container: HTMLElement, setup: MapSetup,
    options: { appearance: Appearance; camera: Camera | null; locale: Record<string, string>; faulty: (message: string) => void },
  ) {
    prepare();
    this.ground = setup.ground;
    this.shift = shiftOf(setup.ground);
    this.appearance = options.appearance;
    const layers = new Map(setup.layers.map((layer) => [layer.name, layer]));
    // Tiles of ours are WGS 84: on a shifted ground their lines would lie beside the streets.
    this.sources = ownSources((name) => {
      const layer = this.shift.none ? layers.get(name) : undefined;
      return layer ? { url: `${TILES}:/${layer.url}`, min_zoom: layer.min_zoom } : null;
    });
    this.map = new maplibre.Map({
      container,
      center: options.camera ? [options.camera.lon, options.camera.lat] : [0, 0],
      zoom: options.camera?.zoom ?? 2,
      maxZoom: ZOOM_MAX,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      boxZoom: false,
      attributionControl: false,
      localIdeographFontFamily: false,
      locale: options.locale,
      reduceMotion: matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.setMissingStyleImageResolver(async (name) => this.addImage(name));
    this.map.on("dataloading", () => container.setAttribute("aria-busy", "true"));
    this.map.on("movestart", () => container.setAttribute("aria-busy", "true"));
    this.map.on("idle", () => container.setAttribute("aria-busy", "false"));
    this.map.on("error", (event) => options.faulty(event.error?.message ?? ""));
    // Also without words of the operator's own: a style names whose map it is by itself.
    if (setup.ground) this.map.addControl(new maplibre.AttributionControl({ compact: true, customAttribution: setup.ground.attribution ?? "" }), "bottom-left");
    this.map.addControl(new maplibre.ScaleControl({ maxWidth: 90 * options.appearance.scale }), "bottom-left");
    this.restyle();
  }

  /** Look otherwise: another theme, language or size. */
  dress(appearance: Appearance): void {
    if (same(this.appearance, appearance)) return;
    const repaint = this.appearance.theme !== appearance.theme;
    const redraw = this.appearance.scale !== appearance.scale;
    this.appearance = appearance;
    // Images of another size are not the same images: they are drawn anew when a tile asks for them.
    if (redraw) for (const name of this.map.listImages()) this.map.removeImage(name);
    else if (repaint) for (const name of this.map.listImages()) this.repaint(name);
    this.restyle();
  }

  /** Fetch the tracks anew: tiles do not change by themselves. */
  refreshTracks(): void {
    const source = this.map.getSource(TRACKS);
    if (source instanceof maplibre.VectorTileSource && source.tiles?.[0]) source.setTiles([source.tiles[0]]);
  }

  showJobs(shown: Shown): void {
    this.give(JOBS, this.jobs, shown);
    this.jobs = shown;
  }

  showCrews(shown: Shown): void {
    this.give(CREWS, this.crews, shown);
    this.crews = shown;
  }

  showLines(lines: readonly Feature[]): void {
    this.lines = lines;
    this.source(LINES)?.setData({ type: "FeatureCollection", features: [...lines] });
  }

  showFocus(focus: readonly Feature[]): void {
    this.focus = focus;
    this.source(FOCUS)?.setData({ type: "FeatureCollection", features: [...focus] });
  }

  /** Where a job or a crew is drawn, in pixels of the map; null when it is not on the map. */
  pixelOf(kind: "job" | "crew", id: string): { x: number; y: number } | null {
    const place = this.placeOf(kind, id);
    return place && this.map.project(place);
  }

  /** Where a job or a crew is drawn, in the datum of the ground. */
  placeOf(kind: "job" | "crew", id: string): [number, number] | null {
    const feature = (kind === "job" ? this.jobs : this.crews).get(id)?.feature;
    return feature ? (feature.geometry.coordinates as [number, number]) : null;
  }

  drawnCrews(): Shown {
    return this.crews;
  }

  /** The jobs that are drawn, with their places. */
  drawnJobs(): Shown {
    return this.jobs;
  }

  /** Whether the caller may see where crews have been. */
  get hasTracks(): boolean {
    return TRACKS in this.sources;
  }

  camera(): Camera {
    const at = this.map.getCenter();
    return { lon: at.lng, lat: at.lat, zoom: this.map.getZoom() };
  }

  /** Show all of these places. */
  fit(places: readonly (readonly [number, number])[], animate = true): void {
    if (!places.length) return;
    const bounds = new maplibre.LngLatBounds();
    for (const [lon, lat] of places) bounds.extend([lon, lat]);
    this.map.fitBounds(bounds, { padding: FIT_PADDING_PX, maxZoom: 15, animate, duration: 500 });
  }

  /** The middle and the bounds of our own basemap; null where there is none to ask. */
  async groundBounds(): Promise<[[number, number], [number, number]] | null> {
    if (this.ground?.kind !== "pmtiles") return null;
    const address = new URL(this.ground.url, location.href).href;
    const archive = archives.get(address) ?? new PMTiles(address);
    const header = await archive.getHeader();
    return [[header.minLon, header.minLat], [header.maxLon, header.maxLat]];
  }

  destroy(): void {
    this.map.remove();
    outlines.clear();
  }

  private restyle(): void {
    const address = styleAddress(this.ground);
    const palette = paletteOf(this.appearance.theme);
    const compose = (below: maplibre.StyleSpecification): maplibre.StyleSpecification => ({
      ...below,
      sources: { ...below.sources, ...this.sources },
      layers: [...below.layers, ...ownLayers({ ...this.appearance, palette, fonts: fontsOf(below) }, this.sources)],
    });
    const turn = ++this.loading;
    const style = address ?? compose({ version: 8, ...groundStyle(this.ground, palette, this.appearance.language) });
    this.map.setStyle(style, address ? { transformStyle: (_, next) => compose(next) } : {});
    const done = (): void => {
      if (turn !== this.loading) return;
      this.styled = true;
      this.refill();
    };
    // A difference of styles is applied at once; a first style and another address load.
    if (this.styled && !address) done();
    else void this.map.once("style.load").then(done);
  }

  private refill(): void {
    this.source(JOBS)?.setData(collectionOf(this.jobs));
    this.source(CREWS)?.setData(collectionOf(this.crews));
    this.showLines(this.lines);
    this.showFocus(this.focus);
  }

  private give(name: string, before: Shown, after: Shown): void {
    const source = this.source(name);
    const diff = source && diffOf(before, after);
    if (!diff) return;
    if (before.size === 0 || (diff.add?.length ?? 0) > after.size / 2) void source.setData(collectionOf(after));
    else void source.updateData(diff);
  }

  private source(name: string): maplibre.GeoJSONSource | undefined {
    if (!this.styled) return undefined;
    return this.map.getSource<maplibre.GeoJSONSource>(name);
  }

  private addImage(name: string): void {
    const drawn = this.drawn(name);
    if (drawn && !this.map.hasImage(name)) this.map.addImage(name, drawn.image, { pixelRatio: drawn.pixelRatio });
  }

  private repaint(name: string): void {
    const drawn = this.drawn(name);
    if (drawn) this.map.updateImage(name, drawn.image);
  }

  private drawn(name: string): ReturnType<typeof draw> {
    return draw(name, paletteOf(this.appearance.theme), Math.max(PIXEL_RATIO_MIN, Math.ceil(window.devicePixelRatio * this.appearance.scale)));
  }
}

function same(one: Appearance, other: Appearance): boolean {
  return one.theme === other.theme && one.language === other.language && one.scale === other.scale && one.tracksShown === other.tracksShown && one.parted.join() === other.parted.join();
}
