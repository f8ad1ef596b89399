// Texts of the map, of the nearest crews and of the replay.

import type { Section } from "./section";

export const map = {} as const satisfies Section;
