// Colours of the map, dark and light. A canvas reads no custom properties: looks and bands have the values of styles/base.css here.

import type { Look } from "../state/reading";
import type { Standing } from "./looks";

export type Theme = "light" | "dark";

export interface GroundColours {
  readonly outside: string;
  readonly land: string;
  readonly water: string;
  readonly use: Readonly<Record<string, string>>;
  readonly building: string;
  readonly street: string;
  readonly arterial: string;
  readonly casing: string;
  readonly pipe: Readonly<Record<string, string>>;
  readonly text: string;
  readonly halo: string;
  readonly district: string;
}

export interface Palette {
  readonly tone: Readonly<Record<Look, string>>;
  readonly standing: Readonly<Record<Standing, string>>;
  readonly glyph: string;
  readonly paper: string;
  readonly ink: string;
  readonly urgent: string;
  readonly emergency: string;
  /** The arc of the arrival clock: below 50 %, below 75 %, below 100 %, past the limit. */
  readonly arc: readonly [string, string, string, string];
  readonly track: string;
  readonly accent: string;
  readonly ground: GroundColours;
}

const LIGHT: Palette = {
  tone: { triage: "#985a00", unassigned: "#c33324", assigned: "#2563c9", working: "#15803d", held: "#7a4fc4", done: "#5f6b74", cancelled: "#5f6b74" },
  standing: { idle: "#4c5a63", on_time: "#0b6e66", slipping: "#9a5b00", late: "#b42318" },
  glyph: "#ffffff",
  paper: "#ffffff",
  ink: "#1b2226",
  urgent: "#1b2226",
  emergency: "#1b2226",
  arc: ["#7b868d", "#b97a00", "#c2500f", "#b42318"],
  track: "#0f766e",
  accent: "#0f766e",
  ground: {
    outside: "#e9ebea",
    land: "#f3f0e9",
    water: "#bcd8e4",
    use: { residential: "#efece5", commercial: "#f1e8e2", industrial: "#e7e6ea", park: "#d8e7cd", square: "#eceade" },
    building: "#e1dcd2",
    street: "#ffffff",
    arterial: "#fffaf0",
    casing: "#d3cdbf",
    pipe: { water: "#7fb2d6", gas: "#d9b96a", heat: "#d99b8c" },
    text: "#59646b",
    halo: "#f8f7f3",
    district: "#7c8790",
  },
};

const DARK: Palette = {
  tone: { triage: "#e0a13c", unassigned: "#f2695c", assigned: "#6ea2f5", working: "#4cc47c", held: "#b197f0", done: "#93a1ab", cancelled: "#93a1ab" },
  standing: { idle: "#9aa8b1", on_time: "#35bfb0", slipping: "#e5a83f", late: "#ff7d70" },
  glyph: "#0e1418",
  paper: "#0e1418",
  ink: "#eef2f4",
  urgent: "#eef2f4",
  emergency: "#eef2f4",
  arc: ["#84929c", "#e0a13c", "#f28a4c", "#ff7a6e"],
  track: "#2fb8a9",
  accent: "#2fb8a9",
  ground: {
    outside: "#0c1114",
    land: "#151c21",
    water: "#1b3442",
    use: { residential: "#182026", commercial: "#1d2228", industrial: "#1b2129", park: "#1a2a22", square: "#20262a" },
    building: "#222c33",
    street: "#2d3840",
    arterial: "#3b4750",
    casing: "#10161a",
    pipe: { water: "#3f6f92", gas: "#7d6a37", heat: "#7a5148" },
    text: "#93a0a8",
    halo: "#12181c",
    district: "#61707a",
  },
};

export function paletteOf(theme: Theme): Palette {
  return theme === "dark" ? DARK : LIGHT;
}
