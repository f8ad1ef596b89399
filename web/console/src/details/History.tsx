// What happened to a job, newest first: when it happened, when the office learned of it, who did it.

import type { JobDetail } from "@contract";
import { useSignal } from "@preact/signals";
import { clock, count, timeOfDay } from "../times";
import { t, words } from "../words";

const AT_FIRST = 12;
// Below this, what happened and what the office learned are one moment.
const SAME_MS = 60_000;

export function History({ known }: { known: JobDetail }) {
  const all = useSignal(false);
  const events = [...(known.events ?? [])].sort((one, other) => (one.occurred_at < other.occurred_at ? 1 : one.occurred_at > other.occurred_at ? -1 : other.seq - one.seq));
  const shown = all.value ? events : events.slice(0, AT_FIRST);
  return (
    <section>
      <h4>{t("history")} <span class="hint">{count(events.length)}</span></h4>
      <ol class="history">
        {shown.map((event) => {
          const lateMs = Date.parse(event.received_at) - Date.parse(event.occurred_at);
          const who = (event.actor_id && known.names?.[event.actor_id]) || "";
          return (
            <li key={event.id}>
              <time dateTime={event.occurred_at}>{clock(event.occurred_at)}</time>
              <span>{words(event.name)} {who && <span class="hint">{t("by", { who })}</span>}
                {lateMs > SAME_MS && <span class="hint"> {t("learned_later", { time: timeOfDay(event.received_at) })}</span>}</span>
            </li>
          );
        })}
      </ol>
      {events.length > shown.length && <button type="button" onClick={() => (all.value = true)}>{t("and_more", { n: count(events.length - shown.length) })}</button>}
    </section>
  );
}
