// The map.

import { t } from "../words";

export function MapPane() {
  return <div class="placeholder">{t("map")}</div>;
}
