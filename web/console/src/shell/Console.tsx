// The frame of the console: tools above, list, map and timeline side by side, a panel at the right, messages and dialogs over them.

import { useEffect } from "preact/hooks";
import { JobList } from "../list/JobList";
import { MapPane } from "../map/MapPane";
import { openPanel, PANELS } from "../panels";
import { ReplayBar } from "../replay/ReplayBar";
import { board } from "../state/board";
import { TimePane } from "../time/TimePane";
import { t } from "../words";
import { Ghost } from "./Ghost";
import { Help } from "./Help";
import { Modal } from "./Modal";
import { PaneTabs } from "./PaneTabs";
import { onlyPane, type PaneName, resize, sizes, small, wall } from "./panes";
import { PanelFrame } from "./PanelFrame";
import { generalKeys } from "./shortcuts";
import { Splitter } from "./Splitter";
import { Toasts } from "./Toasts";
import { Toolbar } from "./Toolbar";

export function Console({ leave }: { leave: () => void }) {
  useEffect(generalKeys, []);
  useEffect(() => {
    document.documentElement.classList.toggle("wall", wall.value === "1");
    return () => document.documentElement.classList.remove("wall");
  }, [wall.value]);
  const panel = PANELS.find((one) => one.id === openPanel.value);
  const { list, map } = sizes.value;
  const hidden = (pane: PaneName): boolean => small.value && onlyPane.value !== pane;
  const rest = small.value && onlyPane.value === "list";
  return (
    <div class={`console ${small.value ? "small" : ""}`}>
      <a class="skip" href="#jobs">{t("skip")}</a>
      <Toolbar leave={leave} />
      {board.value.truncated && <p class="notice" role="status">{t("truncated")}</p>}
      {small.value && <PaneTabs />}
      <main class="panes" style={{ "--list": `${list * 100}%`, "--map": `${map * 100}%` }}>
        <section class="pane list-pane" aria-label={t("jobs")} hidden={hidden("list")}>
          <JobList />
        </section>
        {!small.value && <Splitter says="pane_width" vertical percent={list * 100} move={(percent) => resize({ list: percent / 100 })} />}
        <div class="pane right-pane" hidden={rest}>
          <section class="pane map-pane" aria-label={t("map")} hidden={hidden("map")}>
            <MapPane />
            <ReplayBar />
          </section>
          {!small.value && <Splitter says="pane_height" vertical={false} percent={map * 100} move={(percent) => resize({ map: percent / 100 })} />}
          <section class="pane time-pane" aria-label={t("timeline")} hidden={hidden("time")}>
            <TimePane />
          </section>
        </div>
        {panel && wall.value !== "1" && <PanelFrame panel={panel} />}
      </main>
      <Toasts />
      <Ghost />
      <Help />
      <Modal />
    </div>
  );
}
