// What a plan costs beside what stands now: numbers, and which of them get better.

import type { PlanCostShown, PlanProposal } from "@contract";
import type { JSX } from "preact";
import { count } from "../times";
import { type Key, t } from "../words";

interface Line {
  readonly says: Key;
  readonly of: (cost: PlanCostShown) => number;
  readonly write: (value: number) => string;
}

/** Seconds as hours and minutes. */
export function spanOf(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? t("plan_minutes", { n: count(minutes) }) : t("plan_hours", { h: count(Math.floor(minutes / 60)), m: minutes % 60 });
}

const LINES: readonly Line[] = [
  { says: "plan_cost_travel", of: (cost) => cost.travel_s ?? 0, write: spanOf },
  { says: "plan_cost_waiting", of: (cost) => cost.waiting_s ?? 0, write: spanOf },
  { says: "plan_cost_overdue", of: (cost) => cost.overdue_s ?? 0, write: spanOf },
  { says: "plan_cost_late", of: (cost) => cost.late ?? 0, write: count },
  { says: "plan_cost_unassigned", of: (cost) => cost.unassigned ?? 0, write: count },
  { says: "plan_cost_crews", of: (cost) => cost.crews_used ?? 0, write: count },
];

export function Costs({ made }: { made: PlanProposal }): JSX.Element {
  const was = made.cost_now;
  const will = made.cost ?? {};
  return (
    <table class="plan-costs">
      <caption class="away">{t("plan_cost")}</caption>
      <thead><tr><td />{was && <th scope="col">{t("plan_cost_now")}</th>}<th scope="col">{t("plan_cost_then")}</th></tr></thead>
      <tbody>
        {LINES.map((line) => {
          const [before, after] = [was ? line.of(was) : null, line.of(will)];
          const change = before === null || before === after ? "" : after < before ? "less" : "more";
          return (
            <tr key={line.says}>
              <th scope="row">{t(line.says)}</th>
              {before !== null && <td>{line.write(before)}</td>}
              <td class={change}>{line.write(after)}{change && <span aria-hidden="true">{change === "less" ? " ▼" : " ▲"}</span>}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
