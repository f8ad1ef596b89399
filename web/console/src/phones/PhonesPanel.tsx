// Every phone: when it last fetched everything, what it had not sent, and a button that wakes it. An offline crew looks idle; here it does not.

import type { BoardPhone, WakeAnswer } from "@contract";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { post, wordsOf } from "../api/calls";
import { board, hover, toast } from "../state";
import { ago, count, now } from "../times";
import { type Key, t } from "../words";
import { MARKS, moodOf, type PhoneMood } from "../time/RowView";
import "./phones.css";

interface Line {
  readonly phone: BoardPhone;
  readonly crewId: string;
  readonly crew: string;
  readonly mood: PhoneMood;
}

const onlyTrouble = signal(false);
const waking = signal<ReadonlySet<string>>(new Set());
const MOODS = { fresh: "phones_fresh", stale: "phones_stale", silent: "phones_silent" } as const satisfies Record<PhoneMood, Key>;
const RANK: Record<PhoneMood, number> = { silent: 0, stale: 1, fresh: 2 };

/** How many phones are silent or have something unsent, for the button of the panel. */
export function troubledPhones(): number {
  return lines().filter(isTroubled).length;
}

function isTroubled(line: Line): boolean {
  return line.mood === "silent" || (line.phone.unsent ?? 0) > 0;
}

// A phone of a crew is told by each of its crews once.
function lines(): Line[] {
  const found = new Map<string, Line>();
  for (const crew of board.value.crews.values()) {
    for (const phone of crew.phones ?? []) found.set(phone.device_id, { phone, crewId: crew.id, crew: crew.name, mood: moodOf(phone, now.value) });
  }
  return [...found.values()].sort(
    (a, b) => Number(isTroubled(b)) - Number(isTroubled(a)) || (b.phone.unsent ?? 0) - (a.phone.unsent ?? 0) || RANK[a.mood] - RANK[b.mood] || a.crew.localeCompare(b.crew),
  );
}

export function PhonesPanel(): JSX.Element {
  const all = lines();
  const shown = onlyTrouble.value ? all.filter(isTroubled) : all;
  const silent = all.filter((line) => line.mood === "silent").length;
  const unsent = all.reduce((sum, line) => sum + (line.phone.unsent ?? 0), 0);
  return (
    <div class="phones">
      <p class="hint">{t("phones_hint")}</p>
      <p role="status"><b>{t("phones_summary", { silent: count(silent), all: count(all.length), unsent: count(unsent) })}</b></p>
      <div class="switch" role="group" aria-label={t("phones_filter")}>
        <button type="button" aria-pressed={!onlyTrouble.value} onClick={() => (onlyTrouble.value = false)}>{t("phones_all")}</button>
        <button type="button" aria-pressed={onlyTrouble.value} onClick={() => (onlyTrouble.value = true)}>{t("phones_trouble")}</button>
      </div>
      {shown.length === 0 && <p class="hint">{t("phones_none")}</p>}
      <ul class="phone-list">{shown.map((line) => <Phone key={line.phone.device_id} line={line} />)}</ul>
    </div>
  );
}

function Phone({ line }: { line: Line }): JSX.Element {
  const { phone, mood } = line;
  const name = phone.holder || phone.name;
  return (
    <li class={`phone ${mood}`} onMouseEnter={() => hover("crew", line.crewId)} onMouseLeave={() => hover(null)}>
      <span class="phone-mark" aria-hidden="true">{MARKS[mood]}</span>
      <div class="phone-who"><b>{line.crew}</b> <span class="hint">{[phone.holder, phone.name, phone.can_wake ? "" : t("phones_no_wake")].filter(Boolean).join(" · ")}</span></div>
      <dl>
        <div><dt>{t("phones_synced")}</dt><dd>{phone.pulled_at ? ago(phone.pulled_at) : t("phones_never")}<span class="away">, {t(MOODS[mood])}</span></dd></div>
        <div><dt>{t("phones_unsent")}</dt><dd class={phone.unsent ? "phone-unsent" : ""}>{phone.unsent ? `↑ ${count(phone.unsent)}` : count(0)}</dd></div>
        <div><dt>{t("phones_seen")}</dt><dd>{phone.seen_at ? ago(phone.seen_at) : t("phones_never")}</dd></div>
      </dl>
      <button type="button" aria-label={t("phones_wake_of", { name })} disabled={waking.value.has(phone.device_id)} onClick={() => void wake(phone.device_id, name)}>{t("phones_wake")}</button>
    </li>
  );
}

async function wake(deviceId: string, name: string): Promise<void> {
  waking.value = new Set([...waking.value, deviceId]);
  try {
    const done = await post<WakeAnswer>(`/api/v1/devices/${deviceId}/wake`);
    toast({ text: `${name}: ${done.text}`, bad: done.result !== "sent" });
  } catch (error) {
    toast({ text: wordsOf(error, t("no_server")), bad: true });
  } finally {
    const next = new Set(waking.value);
    next.delete(deviceId);
    waking.value = next;
  }
}
