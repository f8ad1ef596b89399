// All keyboard commands, by area.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type KeyCommand, keyCommands } from "../keys";
import { type Key, t } from "../words";
import { Icon } from "./Icon";

export const helpOpen = signal(false);

const NAMES: Readonly<Record<string, string>> = {
  ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "␣", Enter: "⏎", Delete: "Del",
};

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [helpOpen.value]);
  const groups = new Map<Key, KeyCommand[]>();
  for (const command of keyCommands.value) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  return (
    <dialog ref={dialog} class="card help" aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <header class="panel-head">
        <h2 id="help-title">{t("keys_title")}</h2>
        <button type="button" class="bare" aria-label={t("close")} onClick={() => (helpOpen.value = false)}><Icon name="close" /></button>
      </header>
      <div class="help-groups" tabIndex={0} role="group" aria-labelledby="help-title">
        {[...groups].map(([group, commands]) => (
          <section key={group}>
            <h3>{t(group)}</h3>
            <dl>
              {commands.map((command) => (
                <div key={`${command.says} ${command.keys.join()}`} data-keys={command.keys.join("\n")} data-within={command.within ?? ""}>
                  <dt>{command.keys.map((key) => <kbd key={key}>{nameOf(key)}</kbd>)}</dt>
                  <dd>{t(command.says)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}

function nameOf(key: string): string {
  return key.split("+").map((part) => NAMES[part] ?? part).join("+") || "+";
}
