// Looks at the organisation again and again: at once when the server pokes, and every few seconds whether or not it does.

import { call, Refused } from "./session.js";

const POLL_MS = 5_000;
const AT_MOST_EVERY_MS = 700;
const AGAIN_MS = 3_000;

/** Watch until stopped. `show(summary, offsetMs)` on news, `tell(state)` with "live", "waiting" or "away", `end(error)` when it cannot go on. */
export function watch({ show, tell, end }) {
  const stopping = new AbortController();
  const signal = stopping.signal;
  let etag = "";
  let timer = 0;
  let lookedAt = 0;
  let looking = false;
  let again = false;

  async function look() {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    lookedAt = Date.now();
    let waitMs = POLL_MS;
    try {
      const answer = await call("/api/v1/live/summary", { headers: etag ? { "If-None-Match": etag } : {}, signal });
      const offsetMs = new Date(answer.headers.get("Date") || Date.now()).getTime() - Date.now();
      if (answer.status !== 304) {
        const summary = await answer.json();
        etag = answer.headers.get("ETag") || "";
        show(summary, offsetMs);
      }
      tell("live");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500 && error.status !== 429) {
        stop();
        end(error);
        return;
      }
      tell("away");
      waitMs = Math.max(AGAIN_MS, (error.retryAfterS || 0) * 1000);
    } finally {
      looking = false;
    }
    if (again) {
      again = false;
      soon();
    } else if (!document.hidden) {
      timer = setTimeout(look, waitMs);
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(0, lookedAt + AT_MOST_EVERY_MS - Date.now()));
  }

  async function listen() {
    while (!signal.aborted) {
      try {
        const answer = await call("/api/v1/live", { signal, headers: { Accept: "text/event-stream" } });
        for await (const event of events(answer.body)) if (event === "poke") soon();
      } catch (error) {
        if (error instanceof Refused && error.status < 500) return;
      }
      await pause(AGAIN_MS * (0.5 + Math.random()), signal);
    }
  }

  function stop() {
    stopping.abort();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onVisible);
  }

  function onVisible() {
    if (!document.hidden) soon();
  }

  document.addEventListener("visibilitychange", onVisible);
  tell("waiting");
  look();
  listen();
  return { stop, look: soon, anew: () => { etag = ""; soon(); } };
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const name = /^event: (\w+)/m.exec(block);
      if (name) yield name[1];
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
