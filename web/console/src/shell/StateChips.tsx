// How many jobs there are of each look; a click filters by it.

import { computed } from "@preact/signals";
import { board } from "../state/board";
import { chosen, filters, flip, LOOKS } from "../state/filters";
import { isEnded, type Look, lookOf } from "../state/reading";
import { count } from "../times";
import { t } from "../words";
import { LookMark } from "./JobMark";

const counts = computed(() => {
  const found = new Map<Look, number>();
  for (const job of board.value.jobs.values()) found.set(lookOf(job), (found.get(lookOf(job)) ?? 0) + 1);
  return found;
});

/** How many open jobs there are. */
export const openCount = computed(() => {
  let open = 0;
  for (const job of board.value.jobs.values()) if (!isEnded(job)) open += 1;
  return open;
});

export function StateChips() {
  const through = chosen(filters.looks);
  return (
    <div class="chips" role="group" aria-label={t("filter_state")}>
      {LOOKS.map((look) => (
        <button key={look} type="button" class={`chip ${look}`} aria-pressed={through.has(look)} title={t(`look_${look}`)} onClick={() => flip(filters.looks, look)}>
          <LookMark look={look} /> <span class="chip-text">{t(`look_${look}`)}</span> <b>{count(counts.value.get(look) ?? 0)}</b>
        </button>
      ))}
    </div>
  );
}
