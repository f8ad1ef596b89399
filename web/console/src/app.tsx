// Which part of the page is shown: the sign-in, the choice of a password, or the console.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { stop, watch } from "./api/live";
import { forget, Refused, resume, signOut } from "./api/session";
import { Gate } from "./shell/Gate";
import { Renewal } from "./shell/Renewal";
import { Console } from "./shell/Console";
import { type Key, t } from "./words";

type Part = { name: "starting" } | { name: "gate"; problem: string } | { name: "renewal"; login: string; password: string } | { name: "console" };

const part = signal<Part>({ name: "starting" });

export function App() {
  useEffect(() => void begin(), []);
  const shown = part.value;
  switch (shown.name) {
    case "starting":
      return <p class="starting" role="status">{t("loading")}</p>;
    case "gate":
      return <Gate problem={shown.problem} entered={entered} />;
    case "renewal":
      return <Renewal login={shown.login} password={shown.password} changed={() => enter()} leave={leave} />;
    case "console":
      return <Console leave={leave} />;
  }
}

async function begin(): Promise<void> {
  try {
    const mustChange = await resume();
    if (mustChange === null) openGate();
    else entered(mustChange, "", "");
  } catch {
    openGate(t("no_server"));
  }
}

function entered(mustChange: boolean, login: string, password: string): void {
  if (mustChange) part.value = { name: "renewal", login, password };
  else enter();
}

function enter(): void {
  part.value = { name: "console" };
  watch(ended);
}

function ended(error: Refused): void {
  stop();
  if (error.status === 403) {
    const why: Key = "no_access";
    void signOut().catch(() => undefined);
    openGate(error.code === "forbidden" ? t(why) : error.message);
    return;
  }
  forget();
  openGate(error.message);
}

function openGate(problem = ""): void {
  part.value = { name: "gate", problem };
}

function leave(): void {
  stop();
  void signOut().catch(() => undefined);
  openGate();
}
