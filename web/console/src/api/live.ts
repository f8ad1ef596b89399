// Keeps the board up to date: whole at first, then what changed, at once when the server pokes and every few seconds whether or not it does.

import type { Board, BoardChanges } from "@contract";
import { signal } from "@preact/signals";
import { board, boardVersion, clearBoard, takeBoard, takeChanges } from "../state/board";
import { urlText } from "../state/url";
import { settle } from "../times";
import { get } from "./calls";
import { call, Refused } from "./session";

export type Link = "waiting" | "live" | "away";

const POLL_MS = 5_000;
const AT_MOST_EVERY_MS = 500;
const AGAIN_MS = 3_000;

/** How the connection is, and since when the board is as shown. */
export const link = signal<Link>("waiting");
export const seenAt = signal(0);

/** The days that the board shows, as instants in the address; empty: today. */
export const fromAt = urlText("from");
export const toAt = urlText("to");

let stopping: AbortController | null = null;
let look: (() => void) | null = null;

/** Watch until `stop`; `end` is told why it cannot go on. */
export function watch(end: (error: Refused) => void): void {
  stop();
  const control = new AbortController();
  stopping = control;
  const looking = new Looking(control, end);
  look = () => looking.soon();
  document.addEventListener("visibilitychange", () => !document.hidden && looking.soon(), { signal: control.signal });
  // Both tell their value at once, which is the first look.
  const leave = [fromAt.subscribe(() => looking.anew()), toAt.subscribe(() => looking.anew())];
  control.signal.addEventListener("abort", () => leave.forEach((each) => each()));
  void listen(control.signal, () => looking.soon());
}

/** Look for changes now: something was just done. */
export function refresh(): void {
  look?.();
}

export function stop(): void {
  stopping?.abort();
  stopping = null;
  look = null;
  link.value = "waiting";
  clearBoard();
}

class Looking {
  private timer = 0;
  private lookedAt = 0;
  private busy = false;
  private again = false;
  private whole = true;

  constructor(private readonly control: AbortController, private readonly end: (error: Refused) => void) {
    control.signal.addEventListener("abort", () => window.clearTimeout(this.timer));
  }

  /** Look soon: not more often than eyes can follow. */
  soon(): void {
    this.after(Math.max(0, this.lookedAt + AT_MOST_EVERY_MS - Date.now()));
  }

  anew(): void {
    this.whole = true;
    this.soon();
  }

  private after(waitMs: number): void {
    window.clearTimeout(this.timer);
    if (!this.control.signal.aborted) this.timer = window.setTimeout(() => void this.run(), waitMs);
  }

  private async run(): Promise<void> {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.lookedAt = Date.now();
    let waitMs = POLL_MS;
    try {
      await this.fetch();
      link.value = "live";
      seenAt.value = Date.now();
    } catch (error) {
      if (this.control.signal.aborted) return;
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
        this.control.abort();
        this.end(error);
        return;
      }
      if (error instanceof Refused && (error.status === 400 || error.status === 422)) this.forgetDays();
      link.value = "away";
      waitMs = Math.max(AGAIN_MS, (error instanceof Refused ? error.retryAfterS : 0) * 1000);
    } finally {
      this.busy = false;
    }
    if (this.again) {
      this.again = false;
      this.soon();
    } else if (!document.hidden) {
      this.after(waitMs);
    }
  }

  /** Days that the server does not take came with a link: today is shown instead. */
  private forgetDays(): void {
    if (fromAt.peek()) fromAt.value = "";
    if (toAt.peek()) toAt.value = "";
  }

  private async fetch(): Promise<void> {
    const signal = this.control.signal;
    if (!this.whole) {
      const changes = await get<BoardChanges>("/api/v1/board/changes", { since: boardVersion() }, signal);
      if (signal.aborted) return;
      settle(board.peek().zone, Date.parse(changes.now) - Date.now());
      this.whole = takeChanges(changes);
    }
    if (this.whole) {
      const query = { from_at: fromAt.peek() || undefined, to_at: toAt.peek() || undefined };
      this.whole = false;
      try {
        const shown = await get<Board>("/api/v1/board", query, signal);
        if (signal.aborted) return;
        settle(shown.zone, Date.parse(shown.now) - Date.now());
        takeBoard(shown);
      } catch (error) {
        this.whole = true;
        throw error;
      }
    }
  }
}

async function listen(signal: AbortSignal, poked: () => void): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await call("/api/v1/live", { signal, headers: { Accept: "text/event-stream" } });
      for await (const event of events(answer)) if (event === "poke") poked();
    } catch (error) {
      if (error instanceof Refused && error.status < 500) return;
    }
    await pause(AGAIN_MS * (0.5 + Math.random()), signal);
  }
}

async function* events(answer: Response): AsyncGenerator<string> {
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const name = /^event: (\w+)/m.exec(block)?.[1];
      if (name) yield name;
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { window.clearTimeout(timer); resolve(); }, { once: true });
  });
}
