// Dragging jobs and visits between the panes with the pointer. A pane says where something can be dropped; none knows the others.

import { signal } from "@preact/signals";

export interface Load {
  readonly kind: "jobs" | "visit";
  readonly jobIds: readonly string[];
  readonly visitId?: string;
  /** What is shown beside the pointer. */
  readonly label: string;
}

export interface Drag {
  readonly load: Load;
  readonly x: number;
  readonly y: number;
  /** What would happen here; empty where nothing can be dropped. */
  readonly offer: string;
}

/** A place that takes what is dropped: x and y are those of the window. */
export interface Target {
  /** Say what dropping here would do; empty: it cannot be dropped here. */
  over(load: Load, x: number, y: number): string;
  drop(load: Load, x: number, y: number): void;
  leave?(): void;
}

const BEGINS_PX = 5;

/** The drag that is under way. */
export const dragging = signal<Drag | null>(null);

const targets = new Map<Element, Target>();

/** Let an element take what is dropped on it; gives what takes that back. */
export function dropTarget(element: Element, target: Target): () => void {
  targets.set(element, target);
  return () => {
    if (targets.get(element) === target) targets.delete(element);
  };
}

/** Begin to drag when the pointer goes on moving; call it from `pointerdown`. Escape gives up. */
export function beginDrag(event: PointerEvent, load: () => Load | null): void {
  if (event.button !== 0 || event.pointerType === "touch") return;
  const from = { x: event.clientX, y: event.clientY };
  const stopping = new AbortController();
  const options = { signal: stopping.signal };
  let carried: Load | null = null;
  let under: Target | null = null;

  const move = (moved: PointerEvent): void => {
    if (!carried) {
      if (Math.hypot(moved.clientX - from.x, moved.clientY - from.y) < BEGINS_PX) return;
      carried = load();
      if (!carried) return stopping.abort();
      document.documentElement.classList.add("dragging");
    }
    moved.preventDefault();
    const found = targetAt(moved.clientX, moved.clientY);
    if (found !== under) under?.leave?.();
    under = found;
    const offer = under?.over(carried, moved.clientX, moved.clientY) ?? "";
    dragging.value = { load: carried, x: moved.clientX, y: moved.clientY, offer };
  };
  const end = (dropped: PointerEvent | null): void => {
    stopping.abort();
    document.documentElement.classList.remove("dragging");
    const offered = dragging.peek()?.offer;
    dragging.value = null;
    under?.leave?.();
    if (!carried) return;
    // The click that follows a drop is no click.
    const swallow = (click: MouseEvent): void => click.stopPropagation();
    window.addEventListener("click", swallow, { capture: true, once: true });
    window.setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 0);
    if (dropped && offered) under?.drop(carried, dropped.clientX, dropped.clientY);
  };
  window.addEventListener("pointermove", move, options);
  window.addEventListener("pointerup", end, options);
  window.addEventListener("pointercancel", () => end(null), options);
  window.addEventListener("keydown", (key) => key.key === "Escape" && end(null), options);
}

function targetAt(x: number, y: number): Target | null {
  for (let element = document.elementFromPoint(x, y); element; element = element.parentElement) {
    const target = targets.get(element);
    if (target) return target;
  }
  return null;
}
