// Short messages at the edge of the screen; some of them can undo what they tell.

import { signal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
  /** Ids of the commands that its button undoes; empty: it has none. */
  readonly undo: readonly string[];
}

const LIFE_MS = 12_000;
const AT_ONCE = 4;

let last = 0;

export const toasts = signal<readonly Toast[]>([]);
/** What could be undone last, for the keyboard. */
export const lastUndo = signal<Toast | null>(null);

/** Show a message for a while. */
export function toast(message: { text: string; bad?: boolean; undo?: readonly string[] | undefined }): void {
  const made: Toast = { id: ++last, text: message.text, bad: message.bad ?? false, undo: message.undo ?? [] };
  toasts.value = [...toasts.value, made].slice(-AT_ONCE);
  if (made.undo.length) lastUndo.value = made;
  window.setTimeout(() => dismiss(made.id), LIFE_MS);
}

export function dismiss(id: number): void {
  if (toasts.peek().some((one) => one.id === id)) toasts.value = toasts.peek().filter((one) => one.id !== id);
  if (lastUndo.peek()?.id === id) lastUndo.value = null;
}
