// What is dragged, beside the pointer, and what dropping it here would do.

import { dragging } from "../state/drag";
import { t } from "../words";

export function Ghost() {
  const drag = dragging.value;
  if (!drag) return null;
  return (
    <div class={`ghost ${drag.offer ? "welcome-here" : ""}`} style={{ transform: `translate(${drag.x + 14}px, ${drag.y + 10}px)` }} aria-hidden="true">
      <b>{drag.load.label}</b>
      <span>{drag.offer || t("dragging_none")}</span>
    </div>
  );
}
