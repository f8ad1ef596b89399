// The panels at the right: details of a job, proposals, inbox, storm, phones. One is open at a time, and the address says which.

import type { ComponentType } from "preact";
import { DetailsPanel } from "./details/DetailsPanel";
import { waiting } from "./inbox/inbox";
import { InboxPanel } from "./inbox/InboxPanel";
import { NearestPanel } from "./map/NearestPanel";
import { PhonesPanel, troubledPhones } from "./phones/PhonesPanel";
import { PlanPanel } from "./plan/PlanPanel";
import { urlText } from "./state/url";
import { StormPanel } from "./storm/StormPanel";
import { level } from "./storm/storms";
import type { Key } from "./words";

export interface Panel {
  readonly id: string;
  readonly title: Key;
  readonly component: ComponentType;
  /** Key that opens it, as in keys.ts. */
  readonly shortcut?: string;
  /** A number that its button shows; read from signals. */
  readonly badge?: () => number;
  /** Whether the tools have a button for it. */
  readonly button: boolean;
}

/** Every panel, in the order of its buttons. */
export const PANELS: readonly Panel[] = [
  { id: "details", title: "details", component: DetailsPanel, shortcut: "d", button: false },
  { id: "nearest", title: "nearest", component: NearestPanel, button: false },
  { id: "plan", title: "plan_title", component: PlanPanel, shortcut: "p", button: true },
  { id: "inbox", title: "inbox_title", component: InboxPanel, shortcut: "i", badge: () => waiting.value, button: true },
  { id: "phones", title: "phones_title", component: PhonesPanel, shortcut: "Shift+p", badge: troubledPhones, button: true },
  { id: "storm", title: "storm_title", component: StormPanel, shortcut: "Shift+s", badge: () => level.value, button: true },
];

export const openPanel = urlText("panel");

/** Open a panel; the same again closes it. */
export function togglePanel(id: string): void {
  openPanel.value = openPanel.value === id ? "" : id;
}
