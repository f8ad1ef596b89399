// On a small screen: which of the three panes is shown.

import { t } from "../words";
import { onlyPane, type PaneName } from "./panes";

const TABS: readonly [PaneName, "jobs" | "map" | "timeline"][] = [["list", "jobs"], ["map", "map"], ["time", "timeline"]];

export function PaneTabs() {
  return (
    <nav class="pane-tabs switch" aria-label={t("panes")}>
      {TABS.map(([pane, says]) => (
        <button key={pane} type="button" aria-pressed={onlyPane.value === pane} onClick={() => (onlyPane.value = pane)}>{t(says)}</button>
      ))}
    </nav>
  );
}
