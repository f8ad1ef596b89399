// Texts of the timeline, of plans, of the inbox, of storms and of phones, each from a section of its own.

import { inboxes } from "./inboxes";
import { planning } from "./planning";
import type { Section } from "./section";
import { storms } from "./storms";
import { timeline } from "./timeline";

export const time = { ...timeline, ...planning, ...inboxes, ...storms } as const satisfies Section;
