// The pointer on the map: what it is on, what a click selects, dragging jobs onto crews, drawing a lasso. Draws nothing.

import * as maplibre from "maplibre-gl";
import { assign } from "../state/actions";
import { beginDrag, dropTarget, type Load } from "../state/drag";
import { clearSelection, hover, replayAt, select, selectedCrew, selection, selectMany, toggle } from "../state/selection";
import { t } from "../words";
import { CLUSTERS, CLUSTER_ZOOM_MAX, CREWS, FOCUS_JOBS, JOBS } from "./layers";
import { within } from "./lasso";
import type { Stage } from "./stage";
import { dropCrew, lassoing, stack, viewBoard } from "./view";

type Found =
  | { readonly kind: "job"; readonly id: string }
  | { readonly kind: "crew"; readonly id: string }
  | { readonly kind: "cluster"; readonly id: number; readonly count: number; readonly at: [number, number] };
type Spot = { readonly x: number; readonly y: number };

/** A finger or a hasty pointer misses by so much. */
const REACH_PX = 4;
/** What is dragged is let go near a crew, not exactly on it. */
const DROP_REACH_PX = 22;
const STACK_SHOWN_MAX = 100;

export interface LassoPen {
  begin(at: Spot): void;
  draw(points: readonly Spot[]): void;
  end(): void;
}

/** Let the pointer act on the map; gives what takes that back. */
export function point(stage: Stage, container: HTMLElement, pen: LassoPen): () => void {
  const map = stage.map;
  const stopping = new AbortController();
  let waiting = 0;
  const look = (spot: Spot): void => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      // Whoever moves the map looks at nothing on it, and finding what lies there takes as long as drawing it.
      if (map.isMoving()) return;
      const found = find(map, spot, REACH_PX);
      map.getCanvas().style.cursor = lassoing.peek() ? "crosshair" : found ? "pointer" : "";
      if (found && found.kind !== "cluster") hover(found.kind, found.id);
      else hover(null);
    });
  };
  map.on("mousemove", (event) => look(event.point));
  map.on("mouseout", () => {
    cancelAnimationFrame(waiting);
    hover(null);
  });
  map.on("click", (event) => void click(stage, event));
  // Before the map's own handlers, which listen to the mouse: a job that is taken hold of must not move the map.
  container.addEventListener("pointerdown", (event) => press(stage, container, pen, event), { capture: true, signal: stopping.signal });
  const undrop = dropTarget(container, {
    over: (load, x, y) => offer(stage, container, load, { x, y }),
    drop: (load, x, y) => {
      const crew = crewAt(stage, container, { x, y });
      if (crew) void assign(load.jobIds, crew);
    },
    leave: () => (dropCrew.value = null),
  });
  return () => {
    stopping.abort();
    cancelAnimationFrame(waiting);
    undrop();
  };
}

/** What is drawn at a spot, the uppermost first. */
function find(map: maplibre.Map, { x, y }: Spot, reach: number, layers = [FOCUS_JOBS, CREWS, JOBS, CLUSTERS]): Found | null {
  const drawn = layers.filter((layer) => map.getLayer(layer));
  const under = map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers: drawn });
  const top = under.find((each) => each.layer.id !== FOCUS_JOBS || each.properties.kind === "job");
  if (!top) return null;
  const said = top.properties;
  if (top.layer.id === CLUSTERS && top.geometry.type === "Point") {
    return { kind: "cluster", id: Number(said.cluster_id), count: Number(said.point_count), at: top.geometry.coordinates as [number, number] };
  }
  return { kind: top.layer.id === CREWS ? "crew" : "job", id: String(said.id) };
}

async function click(stage: Stage, event: maplibre.MapMouseEvent): Promise<void> {
  const found = find(stage.map, event.point, REACH_PX);
  const { ctrlKey, metaKey, shiftKey } = event.originalEvent;
  const adding = ctrlKey || metaKey || shiftKey;
  stack.value = null;
  if (!found) {
    if (!adding) {
      clearSelection();
      selectedCrew.value = "";
    }
  } else if (found.kind === "job") {
    if (adding) toggle(found.id);
    else select(found.id);
  } else if (found.kind === "crew") {
    selectedCrew.value = selectedCrew.peek() === found.id ? "" : found.id;
  } else await openCluster(stage, found, { adding, at: event.point });
}

async function openCluster(stage: Stage, cluster: Extract<Found, { kind: "cluster" }>, how: { adding: boolean; at: Spot }): Promise<void> {
  const source = stage.map.getSource<maplibre.GeoJSONSource>(JOBS);
  if (!source) return;
  if (how.adding) {
    selectMany(await leavesOf(source, cluster.id, cluster.count), true);
    return;
  }
  const zoom = await source.getClusterExpansionZoom(cluster.id);
  if (zoom <= CLUSTER_ZOOM_MAX) {
    stage.map.easeTo({ center: cluster.at, zoom: zoom + 0.3, duration: 400 });
    return;
  }
  stack.value = { jobIds: await leavesOf(source, cluster.id, Math.min(cluster.count, STACK_SHOWN_MAX)), x: how.at.x, y: how.at.y };
}

async function leavesOf(source: maplibre.GeoJSONSource, cluster: number, count: number): Promise<string[]> {
  return (await source.getClusterLeaves(cluster, count, 0)).map((leaf) => String(leaf.properties?.id));
}

function press(stage: Stage, container: HTMLElement, pen: LassoPen, event: PointerEvent): void {
  if (event.button !== 0 || event.target !== stage.map.getCanvas()) return;
  const box = container.getBoundingClientRect();
  const spot = { x: event.clientX - box.left, y: event.clientY - box.top };
  if (lassoing.peek() || event.shiftKey) {
    hold(stage);
    drawLasso(stage, box, pen, event);
    return;
  }
  const found = find(stage.map, spot, REACH_PX, [FOCUS_JOBS, CREWS, JOBS]);
  if (found?.kind !== "job" || replayAt.peek()) return;
  hold(stage);
  beginDrag(event, () => loadOf(found.id));
}

/** Keep the map where it is until the pointer lets go. */
function hold(stage: Stage): void {
  stage.map.dragPan.disable();
  const release = (): void => {
    stage.map.dragPan.enable();
    window.removeEventListener("pointerup", release);
    window.removeEventListener("pointercancel", release);
  };
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);
}

/** What is carried from a job: all that is selected, if it is among that. */
function loadOf(jobId: string): Load {
  const chosen = selection.peek();
  const jobIds = chosen.has(jobId) ? [...chosen] : [jobId];
  const job = viewBoard.peek().jobs.get(jobId);
  return { kind: "jobs", jobIds, label: jobIds.length > 1 ? t("map_carried", { n: jobIds.length }) : `${job?.number ?? ""} ${job?.title ?? ""}`.trim() };
}

function offer(stage: Stage, container: HTMLElement, load: Load, spot: Spot): string {
  dropCrew.value = crewAt(stage, container, spot);
  const crew = dropCrew.peek() && viewBoard.peek().crews.get(dropCrew.peek()!);
  return crew ? t("map_assign", { n: load.jobIds.length, crew: crew.name }) : "";
}

/** The crew at a spot of the window, or near it. */
function crewAt(stage: Stage, container: HTMLElement, { x, y }: Spot): string | null {
  const box = container.getBoundingClientRect();
  const found = find(stage.map, { x: x - box.left, y: y - box.top }, DROP_REACH_PX, [CREWS]);
  return found?.kind === "crew" ? found.id : null;
}

function drawLasso(stage: Stage, box: DOMRect, pen: LassoPen, event: PointerEvent): void {
  const points: Spot[] = [{ x: event.clientX - box.left, y: event.clientY - box.top }];
  const adding = event.ctrlKey || event.metaKey;
  const stopping = new AbortController();
  const options = { signal: stopping.signal };
  pen.begin(points[0]!);
  const move = (moved: PointerEvent): void => {
    points.push({ x: moved.clientX - box.left, y: moved.clientY - box.top });
    pen.draw(points);
  };
  const end = (takes: boolean): void => {
    stopping.abort();
    pen.end();
    lassoing.value = false;
    if (!takes || points.length < 3) return;
    swallowClick();
    selectMany(jobsWithin(stage, points), adding);
  };
  window.addEventListener("pointermove", move, options);
  window.addEventListener("pointerup", () => end(true), options);
  window.addEventListener("pointercancel", () => end(false), options);
  window.addEventListener("keydown", (key) => key.key === "Escape" && end(false), options);
}

/** The click that ends a lasso would clear what it has just selected. */
function swallowClick(): void {
  const swallow = (click: MouseEvent): void => click.stopPropagation();
  window.addEventListener("click", swallow, { capture: true });
  window.setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 0);
}

function jobsWithin(stage: Stage, outline: readonly Spot[]): string[] {
  const inside: string[] = [];
  for (const [id, { feature }] of stage.drawnJobs()) {
    if (within(stage.map.project(feature.geometry.coordinates as [number, number]), outline)) inside.push(id);
  }
  return inside;
}

/** The jobs that are in view. */
export function jobsInView(stage: Stage): string[] {
  const { clientWidth: x, clientHeight: y } = stage.map.getContainer();
  return jobsWithin(stage, [{ x: 0, y: 0 }, { x, y: 0 }, { x, y }, { x: 0, y }]);
}
