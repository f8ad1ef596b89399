// The frame around the open panel: its title, what closes it, and its width.

import { openPanel, type Panel } from "../panels";
import { t } from "../words";
import { Icon } from "./Icon";
import { resize, sizes, small } from "./panes";

export function PanelFrame({ panel }: { panel: Panel }) {
  const Body = panel.component;
  function press(event: PointerEvent): void {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const follow = (at: PointerEvent): void => resize({ panel: (window.innerWidth - at.clientX) / rem });
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", follow), { once: true });
  }
  function key(event: KeyboardEvent): void {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    resize({ panel: sizes.peek().panel + (event.key === "ArrowLeft" ? 1 : -1) });
  }
  return (
    <>
      {!small.value && (
        <div class="splitter upright" role="separator" tabIndex={0} aria-orientation="vertical" aria-label={t("panel_width")}
          aria-valuenow={Math.round(sizes.value.panel)} aria-valuemin={18} aria-valuemax={60} onPointerDown={press} onKeyDown={key} />
      )}
      <aside class="panel" aria-label={t(panel.title)} style={{ "--panel": `${sizes.value.panel}rem` }}>
        <header class="panel-head">
          <h2>{t(panel.title)}</h2>
          <button type="button" class="bare" aria-label={t("close")} title={t("close")} onClick={() => (openPanel.value = "")}><Icon name="close" /></button>
        </header>
        <div class="panel-body" key={panel.id}><Body /></div>
      </aside>
    </>
  );
}
