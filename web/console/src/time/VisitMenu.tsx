// The menu of a visit: everything that pointer and keys do, written out. Opens by Enter, double click or the context menu.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { select } from "../state";
import { t } from "../words";
import type { Bar } from "./bars";
import { lock, numberOf, swap, swapping, takeBack, underWay } from "./deeds";
import { Icon, type Sign } from "./icons";
import { holdByKeys, spoken } from "./moving";

interface Opened {
  readonly bar: Bar;
  readonly holderId: string;
  readonly from: HTMLElement | null;
}

const opened = signal<Opened | null>(null);

/** Open the menu of a bar beside an element; closing gives the focus back to it. */
export function openMenu(bar: Bar, holderId: string, from: HTMLElement | null): void {
  opened.value = { bar, holderId, from };
}

interface Entry {
  readonly sign: Sign;
  readonly text: string;
  readonly run: () => void;
}

export function VisitMenu(): JSX.Element | null {
  const menu = useRef<HTMLDivElement>(null);
  const shown = opened.value;
  useEffect(() => {
    if (!shown || !menu.current) return;
    place(menu.current, shown.from);
    menu.current.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const away = (event: PointerEvent): void => {
      if (!menu.current?.contains(event.target as Node)) opened.value = null;
    };
    window.addEventListener("pointerdown", away, true);
    return () => window.removeEventListener("pointerdown", away, true);
  }, [shown]);
  if (!shown) return null;
  const close = (): void => {
    opened.value = null;
    shown.from?.focus();
  };
  return (
    <div ref={menu} role="menu" class="visit-menu card" aria-label={t("visit_actions", { number: numberOf(shown.bar) })} onKeyDown={(event) => keyed(event, menu.current, close)}>
      {entriesOf(shown).map((entry) => (
        <button key={entry.text} type="button" role="menuitem" tabIndex={-1} onClick={() => { close(); entry.run(); }}>
          <Icon sign={entry.sign} /> {entry.text}
        </button>
      ))}
    </div>
  );
}

function entriesOf({ bar, holderId }: Opened): Entry[] {
  const entries: Entry[] = [{ sign: "later", text: t("visit_details"), run: () => select(bar.visit.job_id) }];
  if (!bar.movable) return entries;
  const first = swapping.peek();
  entries.push(
    { sign: "move", text: t("visit_move"), run: () => move(bar, holderId) },
    { sign: "swap", text: first && first.visit.id !== bar.visit.id ? t("visit_swap_here", { number: numberOf(first) }) : t("visit_swap"), run: () => void swap(bar) },
  );
  if (bar.lock) entries.push({ sign: "lock", text: t("visit_unlock"), run: () => void lock(bar, null) });
  for (const kind of ["resource", "time", "both", "time_range"] as const) {
    if (bar.lock === kind || (kind !== "resource" && !bar.visit.planned_start_at)) continue;
    entries.push({ sign: "lock", text: t(`visit_lock_${kind}`), run: () => void lock(bar, kind) });
  }
  entries.push({ sign: "back", text: t("visit_withdraw"), run: () => void takeBack(bar) });
  return entries;
}

function move(bar: Bar, holderId: string): void {
  if (!holdByKeys(bar, holderId, numberOf(bar))) return underWay();
  spoken.value = t("time_moving", { number: numberOf(bar) });
}

function place(menu: HTMLElement, from: HTMLElement | null): void {
  const box = from?.getBoundingClientRect() ?? new DOMRect(80, 80, 0, 0);
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - width - 8))}px`;
  menu.style.top = `${box.bottom + height + 8 < window.innerHeight ? box.bottom + 4 : Math.max(8, box.top - height - 4)}px`;
}

function keyed(event: KeyboardEvent, menu: HTMLElement | null, close: () => void): void {
  const items = [...(menu?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next !== undefined) items[(next + items.length) % items.length]?.focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
