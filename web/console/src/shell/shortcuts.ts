// The keyboard commands that belong to no pane.

import { keys, type KeyCommand } from "../keys";
import { openPanel, PANELS, togglePanel } from "../panels";
import { clearSelection, selection } from "../state/selection";
import { undo } from "../state/send";
import { dismiss, lastUndo } from "../state/toasts";
import { nextTheme } from "../theme";
import { language, speak } from "../words";
import { helpOpen } from "./Help";
import { onlyPane, type PaneName, small } from "./panes";

/** Register them; gives what takes them back. */
export function generalKeys(): () => void {
  const group = "keys_general" as const;
  const panels = PANELS.flatMap((panel): KeyCommand[] =>
    panel.shortcut ? [{ keys: [panel.shortcut], says: panel.title, group, run: () => togglePanel(panel.id) }] : [],
  );
  return keys(
    { keys: ["?"], says: "help", group, run: () => { helpOpen.value = true; } },
    { keys: ["/"], says: "key_search", group, run: () => focusOn("list", "#search") },
    { keys: ["1"], says: "key_list", group, run: () => focusOn("list", "#jobs") },
    { keys: ["2"], says: "key_map", group, run: () => focusOn("map", ".map-pane [tabindex='0'], .map-pane canvas") },
    { keys: ["3"], says: "key_time", group, run: () => focusOn("time", ".time-pane [tabindex='0']") },
    { keys: ["Ctrl+z", "u"], says: "key_undo", group, run: undoLast },
    { keys: ["Escape"], says: "key_escape", group, run: escape },
    { keys: ["Shift+l"], says: "key_language", group, run: () => speak(language.value === "en" ? "zh" : "en") },
    { keys: ["Shift+t"], says: "theme", group, run: nextTheme },
    ...panels,
  );
}

function focusOn(pane: PaneName, selector: string): boolean {
  const focus = () => document.querySelector<HTMLElement>(selector)?.focus();
  if (small.peek()) {
    onlyPane.value = pane;
    // A pane that was hidden has to be drawn before it can take the focus.
    requestAnimationFrame(focus);
  } else {
    // At once: the next key is meant for the pane already, however long a map takes to be drawn.
    focus();
  }
  return true;
}

function undoLast(): boolean {
  const toast = lastUndo.peek();
  if (!toast) return false;
  dismiss(toast.id);
  void undo(toast.undo);
  return true;
}

function escape(): boolean {
  if (openPanel.value) openPanel.value = "";
  else if (selection.value.size) clearSelection();
  else return false;
  return true;
}
