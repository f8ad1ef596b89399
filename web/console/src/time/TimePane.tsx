// The timeline: what each crew does when. Its tools, the ruler, the rows.

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { keys } from "../keys";
import { insertUrgent } from "../plan/planning";
import { proposal } from "../state";
import { count, dayOf } from "../times";
import { type Key, t } from "../words";
import { HOUR_MS, SPANS_H } from "./axis";
import { Grid } from "./Grid";
import { Icon, type Sign } from "./icons";
import { spoken } from "./moving";
import { Ruler } from "./Ruler";
import type { RowOrder } from "./rows";
import { axis, crewText, follows, order, orderBy, pan, rows, showFrom, spanH, zoom } from "./view";
import { VisitMenu } from "./VisitMenu";
import "./time.css";

const ORDERS: readonly [RowOrder, Key][] = [["name", "time_by_name"], ["late", "time_by_late"], ["free", "time_by_free"]];

export function TimePane(): JSX.Element {
  useEffect(() => keys({ keys: ["Shift+u"], says: "key_urgent", group: "keys_general", run: () => insertUrgent() }), []);
  return (
    <div class="timeline">
      <div class="time-tools" role="toolbar" aria-label={t("timeline")}>
        <Tool says="time_earlier" sign="earlier" run={() => pan(-0.5)} />
        <button type="button" aria-pressed={follows.value} onClick={() => showFrom(null)}>{t("time_to_now")}</button>
        <Tool says="time_later" sign="later" run={() => pan(0.5)} />
        <span class="time-day">{days()}</span>
        <span class="time-zoom">
          <Tool says="time_closer" sign="plus" run={() => zoom(-1)} off={spanH.value === SPANS_H[0]} />
          <span class="time-span">{spanH.value > 24 ? t("time_days", { n: spanH.value / 24 }) : t("time_hours", { n: spanH.value })}</span>
          <Tool says="time_wider" sign="minus" run={() => zoom(1)} off={spanH.value === SPANS_H.at(-1)} />
        </span>
        <input type="search" class="time-find" aria-label={t("time_find")} placeholder={t("time_find")} value={crewText.value} onInput={(event) => (crewText.value = event.currentTarget.value)} />
        <select aria-label={t("time_order")} value={order.value} onChange={(event) => orderBy(event.currentTarget.value as RowOrder)}>
          {ORDERS.map(([value, says]) => <option key={value} value={value}>{t(says)}</option>)}
        </select>
        <span class="time-count">{t("time_crew_count", { n: count(rows.value.length) })}</span>
        {proposal.value && <span class="time-proposal"><Icon sign="plan" /> {t("time_proposed")}</span>}
      </div>
      <Ruler />
      <Grid />
      <VisitMenu />
      <p class="away" role="status" aria-live="assertive">{spoken.value}</p>
    </div>
  );
}

function Tool({ says, sign, run, off = false }: { says: Key; sign: Sign; run: () => void; off?: boolean }): JSX.Element {
  return <button type="button" class="bare" aria-label={t(says)} title={t(says)} disabled={off} onClick={run}><Icon sign={sign} /></button>;
}

/** The days that are shown. */
function days(): string {
  const { fromMs, toMs } = axis.value;
  const [first, last] = [dayOf(fromMs), dayOf(toMs - HOUR_MS / 60)];
  return first === last ? first : `${first} – ${last}`;
}
