// Search and filters of the list; they hold for the map and the timeline too.

import { useSignal } from "@preact/signals";
import { board } from "../state/board";
import { chosen, clearFilters, filterCount, filters, flip, PRIORITIES } from "../state/filters";
import { Icon } from "../shell/Icon";
import { StateChips } from "../shell/StateChips";
import { local, t, words } from "../words";

const BANDS = ["half", "most", "late"] as const;
const ORDERS = ["due", "priority", "newest", "number"] as const;

export function FilterBar() {
  const open = useSignal(filterCount.value > (filters.text.value ? 1 : 0));
  return (
    <search class="filters">
      <div class="search-row">
        <label class="search"><span class="away">{t("search")}</span><Icon name="search" />
          <input id="search" type="search" placeholder={t("search")} value={filters.text.value} maxLength={100}
            onInput={(event) => (filters.text.value = event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()} />
        </label>
        <select aria-label={t("order")} value={filters.order.value || "due"} onChange={(event) => (filters.order.value = event.currentTarget.value === "due" ? "" : event.currentTarget.value)}>
          {ORDERS.map((order) => <option key={order} value={order}>{t(`order_${order}`)}</option>)}
        </select>
        <button type="button" aria-expanded={open.value} aria-controls="more-filters" onClick={() => (open.value = !open.value)} aria-label={t("filter")} title={t("filter")}>
          <Icon name="filter" />{filterCount.value > 0 && <span class="badge">{filterCount.value}</span>}
        </button>
      </div>
      <StateChips />
      <div id="more-filters" class="more-filters" hidden={!open.value}>
        <fieldset><legend>{t("priority")}</legend>
          {PRIORITIES.map((one) => <Check key={one} on={chosen(filters.priorities).has(one)} flip={() => flip(filters.priorities, one)}>{words(one)}</Check>)}
        </fieldset>
        <fieldset><legend>{t("arrival_clock")}</legend>
          {BANDS.map((band) => <Check key={band} on={chosen(filters.band).has(band)} flip={() => flip(filters.band, band)}>{t(`band_${band}`)}</Check>)}
          <Check on={filters.flagged.value !== ""} flip={() => (filters.flagged.value = filters.flagged.value ? "" : "1")}>{t("flagged_only")}</Check>
        </fieldset>
        <div class="pickers">
          <Picker says="district" filter={filters.districts} options={[...board.value.districts.values()].map((one) => [one.id, local(one.name)])} />
          <Picker says="job_type" filter={filters.types} options={[...board.value.jobTypes.values()].map((one) => [one.code, local(one.name)])} />
          <Picker says="crew" filter={filters.crew} options={[...board.value.crews.values()].map((one) => [one.id, one.name])} />
          <button type="button" disabled={filterCount.value === 0} onClick={clearFilters}>{t("clear_filters")}</button>
        </div>
      </div>
    </search>
  );
}

function Check({ on, flip: change, children }: { on: boolean; flip: () => void; children: string }) {
  return <label class="check"><input type="checkbox" checked={on} onChange={change} /> {children}</label>;
}

function Picker({ says, filter, options }: { says: "district" | "job_type" | "crew"; filter: { value: string }; options: readonly (readonly [string, string])[] }) {
  const sorted = [...options].sort(([, one], [, other]) => one.localeCompare(other));
  return (
    <label>{t(says)}
      <select value={filter.value} onChange={(event) => (filter.value = event.currentTarget.value)}>
        <option value="">{t("any")}</option>
        {sorted.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
      </select>
    </label>
  );
}
