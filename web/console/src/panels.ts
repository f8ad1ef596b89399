// The panels at the right: details of a job, proposals, inbox, storm, phones. One is open at a time, and the address says which.

import type { ComponentType } from "preact";
import { DetailsPanel } from "./details/DetailsPanel";
import { NearestPanel } from "./map/NearestPanel";
import { urlText } from "./state/url";
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
];

export const openPanel = urlText("panel");

/** Open a panel; the same again closes it. */
export function togglePanel(id: string): void {
  openPanel.value = openPanel.value === id ? "" : id;
}
