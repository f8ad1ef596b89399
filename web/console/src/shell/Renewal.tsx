// The choice of a password of one's own, in place of one that somebody else made.

import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { wordsOf } from "../api/calls";
import { call } from "../api/session";
import { t } from "../words";

export function Renewal({ login, password, changed, leave }: { login: string; password: string; changed: () => void; leave: () => void }) {
  const said = useSignal("");
  const busy = useSignal(false);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    busy.value = true;
    said.value = "";
    try {
      await call("/api/v1/auth/password", {
        method: "POST",
        body: JSON.stringify({ current: String(fields.get("old")), new: String(fields.get("new")) }),
      });
      changed();
    } catch (error) {
      said.value = wordsOf(error, t("no_server"));
    } finally {
      busy.value = false;
    }
  }

  return (
    <main class="gate one">
      <form class="card form" onSubmit={(event) => void submit(event)} aria-labelledby="renewal-title">
        <h1 id="renewal-title">{t("new_password_title")}</h1>
        <p class="hint">{t("new_password_hint")}</p>
        <p hidden><label for="whose">{t("login")}</label><input id="whose" name="whose" autocomplete="username" defaultValue={login} /></p>
        <p><label for="old">{t("old_password")}</label>
          <input id="old" name="old" type="password" required autocomplete="current-password" maxLength={1024} defaultValue={password} /></p>
        <p><label for="new">{t("new_password")}</label>
          <input id="new" name="new" type="password" required autocomplete="new-password" minLength={12} maxLength={1024} /></p>
        <p class="problem" role="alert">{said.value}</p>
        <button type="submit" class="main" disabled={busy.value}>{t("save")}</button>
        <button type="button" onClick={leave}>{t("leave")}</button>
      </form>
    </main>
  );
}
