// Keyboard commands: every area registers its own, one listener runs them, and the help lists them.

import { signal } from "@preact/signals";
import type { Key } from "./words";

export interface KeyCommand {
  /** As `KeyboardEvent.key`, with `Ctrl+`, `Alt+`, `Shift+` before it where wanted: "j", "Ctrl+z", "Shift+ArrowUp". Letters in lower case. */
  readonly keys: readonly string[];
  readonly says: Key;
  readonly group: Key;
  /** Only while the focus is inside an element that matches; without it everywhere but in fields of text. */
  readonly within?: string;
  /** Return false when there was nothing to do: then the key stays the browser's. */
  readonly run: (event: KeyboardEvent) => void | boolean;
}

export const keyCommands = signal<readonly KeyCommand[]>([]);

/** Register commands; gives what takes them back. Later ones win over earlier ones with the same key. */
export function keys(...added: KeyCommand[]): () => void {
  keyCommands.value = [...keyCommands.peek(), ...added];
  return () => {
    keyCommands.value = keyCommands.peek().filter((one) => !added.includes(one));
  };
}

/** Begin to listen. */
export function startKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const pressed = nameOf(event);
    const target = event.target instanceof Element ? event.target : document.body;
    const latest = [...keyCommands.peek()].reverse();
    // What belongs to a part of the page wins there over what holds everywhere, whichever came later.
    for (const command of [...latest.filter((one) => one.within), ...latest.filter((one) => !one.within)]) {
      if (!command.keys.includes(pressed) || !applies(command, target)) continue;
      if (command.run(event) !== false) {
        event.preventDefault();
        return;
      }
    }
  });
}

function applies(command: KeyCommand, target: Element): boolean {
  const modal = document.querySelector("dialog:modal");
  if (modal && !(command.within && modal.contains(target) && target.closest(command.within))) return false;
  if (command.within) return target.closest(command.within) !== null;
  return !isText(target);
}

function isText(target: Element): boolean {
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target as HTMLElement).isContentEditable;
}

function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // Shift is part of what a letter or a sign already says; of other keys it is not.
  const shift = event.shiftKey && (event.key.length > 1 || /\p{L}/u.test(event.key)) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}
