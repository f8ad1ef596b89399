// The state that a link carries: each part is a signal that reads and writes one parameter of the address.

import { effect, type Signal, signal } from "@preact/signals";

const WRITE_MS = 250;

const parts = new Map<string, Signal<string>>();
let timer = 0;

/** Give the signal of one parameter; empty: absent. The same name gives the same signal. */
export function urlText(name: string): Signal<string> {
  const known = parts.get(name);
  if (known) return known;
  const part = signal(new URLSearchParams(location.search).get(name) ?? "");
  parts.set(name, part);
  effect(() => {
    part.value;
    // Panning a map writes many times a second; browsers refuse to record that many.
    window.clearTimeout(timer);
    timer = window.setTimeout(write, WRITE_MS);
  });
  return part;
}

function write(): void {
  const query = new URLSearchParams(location.search);
  for (const [name, part] of parts) {
    if (part.peek()) query.set(name, part.peek());
    else query.delete(name);
  }
  const text = query.toString();
  const next = location.pathname + (text ? `?${text}` : "") + location.hash;
  if (next !== location.pathname + location.search + location.hash) history.replaceState(null, "", next);
}
