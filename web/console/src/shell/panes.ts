// How the window is parted: widths that somebody chose, which pane a small screen shows, and whether this is a wall screen.

import { effect, signal } from "@preact/signals";
import { urlText } from "../state/url";

export type PaneName = "list" | "map" | "time";

const KEY = "onsite.panes";
const SMALL = window.matchMedia("(max-width: 899px)");

interface Sizes {
  /** Width of the list in parts of the window. */
  readonly list: number;
  /** Height of the map in parts of what map and timeline share. */
  readonly map: number;
  /** Width of the open panel, in rem. */
  readonly panel: number;
}

export const sizes = signal<Sizes>(kept());
export const small = signal(SMALL.matches);
/** The pane that a small screen shows. */
export const onlyPane = signal<PaneName>("list");
/** "1" on a wall screen: everything larger, nothing to click. */
export const wall = urlText("wall");

SMALL.addEventListener("change", () => (small.value = SMALL.matches));

effect(() => localStorage.setItem(KEY, JSON.stringify(sizes.value)));

/** Change one of the sizes, within what can still be used. */
export function resize(change: Partial<Sizes>): void {
  const next = { ...sizes.peek(), ...change };
  sizes.value = {
    list: Math.min(0.6, Math.max(0.15, next.list)),
    map: Math.min(0.85, Math.max(0.15, next.map)),
    panel: Math.min(60, Math.max(18, next.panel)),
  };
}

function kept(): Sizes {
  const first: Sizes = { list: 0.27, map: 0.58, panel: 24 };
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Sizes>;
    return { ...first, ...found };
  } catch {
    return first;
  }
}
