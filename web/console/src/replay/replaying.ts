// STUB
import type { Feature } from "geojson";
import { signal } from "@preact/signals";
import type { BoardState } from "../state/board";
import type { Shift } from "../map/datum";
export const replayed = signal<BoardState | null>(null);
export function trails(_: Shift): Feature[] { return []; }
