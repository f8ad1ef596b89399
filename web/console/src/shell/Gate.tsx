// The sign-in.

import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { wordsOf } from "../api/calls";
import { signIn } from "../api/session";
import { t } from "../words";
import { LanguageSwitch } from "./LanguageSwitch";

const ORG = "onsite.org";

export function Gate({ problem, entered }: { problem: string; entered: (mustChange: boolean, login: string, password: string) => void }) {
  const said = useSignal(problem);
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const org = new URLSearchParams(location.search).get("org") ?? localStorage.getItem(ORG) ?? "";

  useEffect(() => form.current?.querySelector<HTMLInputElement>(org ? "[name=login]" : "[name=org]")?.focus(), []);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const text = (name: string): string => String(fields.get(name) ?? "");
    said.value = "";
    busy.value = true;
    try {
      const slug = text("org").trim().toLowerCase();
      const mustChange = await signIn(slug, text("login").trim(), text("password"));
      localStorage.setItem(ORG, slug);
      entered(mustChange, text("login").trim(), mustChange ? text("password") : "");
    } catch (error) {
      said.value = wordsOf(error, t("no_server"));
    } finally {
      busy.value = false;
    }
  }

  return (
    <main class="gate">
      <div class="welcome">
        <p class="brand"><img src="/console/icon.svg" alt="" width="28" height="28" /> Onsite</p>
        <h1>{t("welcome")}</h1>
        <p>{t("welcome_more")}</p>
        <LanguageSwitch />
      </div>
      <form ref={form} class="card form" onSubmit={(event) => void submit(event)} aria-labelledby="gate-title">
        <h2 id="gate-title">{t("sign_in")}</h2>
        <p><label for="org">{t("org")}</label>
          <input id="org" name="org" required autocomplete="organization" autocapitalize="none" spellcheck={false} maxLength={40} defaultValue={org} /></p>
        <p><label for="login">{t("login")}</label>
          <input id="login" name="login" required autocomplete="username" autocapitalize="none" spellcheck={false} maxLength={120} /></p>
        <p><label for="password">{t("password")}</label>
          <input id="password" name="password" type="password" required autocomplete="current-password" maxLength={1024} /></p>
        <p class="problem" role="alert">{said.value}</p>
        <button type="submit" class="main" disabled={busy.value}>{t("sign_in")}</button>
      </form>
    </main>
  );
}
