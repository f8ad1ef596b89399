// The bar above the panes: whose console this is, how the connection is, what opens the panels, and the choices of this screen.

import { link, seenAt } from "../api/live";
import { openPanel, PANELS, togglePanel } from "../panels";
import { board } from "../state/board";
import { nextTheme, theme } from "../theme";
import { clock, count, dayOf, now, timeOfDay } from "../times";
import { t } from "../words";
import { helpOpen } from "./Help";
import { Icon } from "./Icon";
import { LanguageSwitch } from "./LanguageSwitch";
import { wall } from "./panes";
import { StateChips } from "./StateChips";

export function Toolbar({ leave }: { leave: () => void }) {
  const onWall = wall.value === "1";
  return (
    <header class="top">
      <h1 class="brand"><img src="/console/icon.svg" alt="" width="22" height="22" /> {board.value.organisation || "Onsite"}</h1>
      <Link />
      {onWall && <StateChips />}
      <nav class="tools" aria-label={t("tools")}>
        {!onWall && PANELS.filter((panel) => panel.button).map((panel) => {
          const number = panel.badge?.() ?? 0;
          return (
            <button key={panel.id} type="button" aria-pressed={openPanel.value === panel.id} onClick={() => togglePanel(panel.id)}>
              {t(panel.title)}{number > 0 && <span class="badge">{count(number)}</span>}
            </button>
          );
        })}
        {!onWall && <LanguageSwitch />}
        <Tool says={`theme_${theme.value}`} icon="theme" run={nextTheme} />
        <Tool says={onWall ? "wall_leave" : "wall"} icon="screen" run={() => (wall.value = onWall ? "" : "1")} />
        {!onWall && <Tool says="help" icon="help" run={() => (helpOpen.value = true)} />}
        {!onWall && <Tool says="leave" icon="leave" run={leave} />}
      </nav>
    </header>
  );
}

function Tool({ says, icon, run }: { says: Parameters<typeof t>[0]; icon: Parameters<typeof Icon>[0]["name"]; run: () => void }) {
  return <button type="button" class="bare" aria-label={t(says)} title={t(says)} onClick={run}><Icon name={icon} /></button>;
}

function Link() {
  const state = link.value;
  const text = state === "away" ? t("away", { time: clock(seenAt.value || Date.now()) }) : t(state);
  return (
    <p class="where">
      <span class={`status ${state}`} role="status">{text}</span>
      <time>{dayOf(now.value)} {timeOfDay(now.value)}</time>
    </p>
  );
}
