// Places on a ground of another datum: what the server knows is WGS 84, an operator's ground may be shifted. Never guesses a datum.

import type { Ground } from "@contract";
import gcoord from "gcoord";

type Lines = readonly (readonly [number, number])[];

/** Moves places to where the ground shows them, and back. */
export interface Shift {
  to(lon: number, lat: number): [number, number];
  from(lon: number, lat: number): [number, number];
  readonly none: boolean;
}

const NONE: Shift = { to: (lon, lat) => [lon, lat], from: (lon, lat) => [lon, lat], none: true };

/** Give the shift of a ground; none for WGS 84 and where there is no ground. */
export function shiftOf(ground: Ground | null): Shift {
  const datum = ground?.datum ?? "wgs84";
  if (datum === "wgs84") return NONE;
  const there = datum === "gcj02" ? gcoord.GCJ02 : gcoord.BD09;
  return {
    to: (lon, lat) => gcoord.transform<[number, number]>([lon, lat], gcoord.WGS84, there),
    from: (lon, lat) => gcoord.transform<[number, number]>([lon, lat], there, gcoord.WGS84),
    none: false,
  };
}

export function shiftedLine(line: Lines, shift: Shift): [number, number][] {
  return line.map(([lon, lat]) => shift.to(lon, lat));
}
