// The shade of what is being moved: where it would land, or why it cannot.

import type { JSX } from "preact";
import { timeOfDay } from "../times";
import { boxOf } from "./BarView";
import { Icon } from "./icons";
import { moving, whyNot } from "./moving";
import { LANE_PX } from "./rows";
import { axis, rows, scale, tops } from "./view";

export function MoveShade(): JSX.Element | null {
  const now = moving.value;
  if (!now?.drop) return null;
  const at = rows.value.findIndex((row) => row.holder.id === now.drop!.holderId);
  const box = boxOf(now.drop.fromMs, now.drop.toMs, axis.value);
  if (at < 0 || !box) return null;
  const why = whyNot(now.drop);
  const height = rows.value[at]!.heightPx;
  return (
    <div class="shade-row" aria-hidden="true" style={{ transform: `translateY(${tops.value[at] ?? 0}px)`, height: `${height}px` }}>
      <div class={`shade${why ? " hindered" : ""}`} style={{ left: `${box.left}px`, width: `${box.width}px`, top: `${5 * scale.value}px`, height: `${(LANE_PX - 4) * scale.value}px` }}>
        <Icon sign={why ? "lock" : "move"} size={12} />
        <b>{timeOfDay(now.drop.fromMs)}</b> {now.label}
      </div>
      {why && <p class="shade-why" style={{ left: `${box.left}px` }}>{why}</p>}
    </div>
  );
}
