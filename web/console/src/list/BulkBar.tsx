// What is selected, and what can be done with all of it at once.

import { clearSelection, selection } from "../state/selection";
import { count } from "../times";
import { t } from "../words";
import { JobActions } from "./JobActions";

export function BulkBar() {
  const ids = [...selection.value];
  return (
    <div class="bulk" role="toolbar" aria-label={t("selected_actions")}>
      <b>{t("selected", { n: count(ids.length) })}</b>
      <JobActions ids={ids} />
      <button type="button" class="bare" onClick={clearSelection}>{t("clear")}</button>
    </div>
  );
}
