// Dialogs that ask what an action still needs: which crew, why it is held, why it is cancelled.

import type { HoldReason } from "@contract";
import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { cancel, hold, triage } from "../state/actions";
import { board } from "../state/board";
import { PRIORITIES } from "../state/filters";
import { closeModal, openModal } from "../shell/Modal";
import { count } from "../times";
import { local, t, words } from "../words";

const REASONS: readonly HoldReason[] = ["parts", "approval", "access", "customer", "other_party", "weather"];
const MANY = 60;

/** Ask which crew; `then` is told its id as the board knows it. */
export function askCrew(jobIds: readonly string[], then: (crewId: string) => void): void {
  openModal(t("assign_title", { n: count(jobIds.length) }), () => <CrewChoice then={(id) => { closeModal(); then(id); }} />);
}

/** Ask why jobs are put on hold, and do it. */
export function askHold(jobIds: readonly string[]): void {
  openModal(t("hold_title", { n: count(jobIds.length) }), () => (
    <form onSubmit={(event) => { const fields = read(event); closeModal(); void hold(jobIds, fields("reason") as HoldReason, fields("note")); }}>
      <label>{t("reason")}
        <select name="reason" autofocus>{REASONS.map((reason) => <option key={reason} value={reason}>{words(reason)}</option>)}</select>
      </label>
      <label>{t("note")}<input name="note" maxLength={300} /></label>
      <button type="submit" class="main">{t("hold_do")}</button>
    </form>
  ));
}

/** Ask why jobs are cancelled, and do it. */
export function askCancel(jobIds: readonly string[]): void {
  openModal(t("cancel_title", { n: count(jobIds.length) }), () => (
    <form onSubmit={(event) => { const fields = read(event); closeModal(); void cancel(jobIds, fields("reason")); }}>
      <label>{t("reason")}<input name="reason" required maxLength={300} autofocus /></label>
      <button type="submit" class="main bad">{t("cancel_do")}</button>
    </form>
  ));
}

/** Ask what jobs are that came in, and how soon they are wanted; and decide it. */
export function askTriage(jobIds: readonly string[]): void {
  const first = board.peek().jobs.get(jobIds[0] ?? "");
  openModal(t("triage_title", { n: count(jobIds.length) }), () => (
    <form onSubmit={(event) => {
      const fields = read(event);
      closeModal();
      void triage(jobIds, { type: fields("type"), priority: fields("priority"), districtId: fields("district") });
    }}>
      <label>{t("job_type")}
        <select name="type" autofocus defaultValue={first?.type}>
          {[...board.value.jobTypes.values()].map((type) => <option key={type.code} value={type.code}>{local(type.name)}</option>)}
        </select>
      </label>
      <label>{t("priority")}
        <select name="priority" defaultValue={first?.priority ?? "normal"}>{PRIORITIES.map((one) => <option key={one} value={one}>{words(one)}</option>)}</select>
      </label>
      <label>{t("district")}
        <select name="district" defaultValue={first?.district_id ?? ""}>
          <option value="">{t("as_it_lies")}</option>
          {[...board.value.districts.values()].map((one) => <option key={one.id} value={one.id}>{local(one.name)}</option>)}
        </select>
      </label>
      <button type="submit" class="main">{t("triage_do")}</button>
    </form>
  ));
}

function read(event: TargetedSubmitEvent<HTMLFormElement>): (name: string) => string {
  event.preventDefault();
  const fields = new FormData(event.currentTarget);
  return (name) => String(fields.get(name) ?? "").trim();
}

function CrewChoice({ then }: { then: (crewId: string) => void }) {
  const text = useSignal("");
  const words = text.value.toLowerCase();
  const found = [...board.value.crews.values()]
    .filter((crew) => [crew.name, crew.code, ...(crew.people ?? []).map((one) => one.name)].join(" ").toLowerCase().includes(words))
    .sort((one, other) => Number(one.alone ?? false) - Number(other.alone ?? false) || one.name.localeCompare(other.name));
  return (
    <form onSubmit={(event) => { event.preventDefault(); const first = found[0]; if (first) then(first.id); }}>
      <label>{t("crew")}
        <input autofocus value={text.value} maxLength={100} onInput={(event) => (text.value = event.currentTarget.value)} />
      </label>
      <ul class="crew-choice">
        {found.slice(0, MANY).map((crew) => (
          <li key={crew.id}>
            <button type="button" onClick={() => then(crew.id)}>
              <b>{crew.name}</b> <span class="hint">{(crew.people ?? []).map((one) => one.name).join(", ")}</span>
              <span class="hint">{t("visits_count", { n: (board.value.visitsOfCrew.get(crew.id) ?? []).length })}</span>
            </button>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="hint">{t("no_crew")}</p>}
      {found.length > MANY && <p class="hint">{t("and_more", { n: count(found.length - MANY) })}</p>}
    </form>
  );
}
