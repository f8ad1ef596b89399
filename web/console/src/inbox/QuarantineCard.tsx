// A report that was put aside: what it says beside how the job stands now, and what can be done with it.

import type { Entry } from "@contract";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { board, crewOf, focusedJob, select } from "../state";
import { clock } from "../times";
import { t, words } from "../words";
import { end } from "./inbox";

type Mode = "read" | "correct" | "discard";

export function QuarantineCard({ entry }: { entry: Entry }): JSX.Element {
  const mode = useSignal<Mode>("read");
  const busy = useSignal(false);
  const job = board.value.jobs.get(entry.job_id ?? "");
  const run = async (work: () => Promise<boolean>): Promise<void> => {
    busy.value = true;
    if (await work()) mode.value = "read";
    busy.value = false;
  };
  return (
    <li class="inbox-card" aria-label={t("inbox_card", { what: words(entry.name), job: job?.number ?? "–" })}>
      <p class="inbox-head">
        <b>{words(entry.name)}</b>
        {job && <button type="button" class="bare inbox-number" onClick={() => select(job.id)}>{job.number}</button>}
      </p>
      <p class="inbox-why">{words(entry.reason)}</p>
      <div class="sides">
        <div class="side"><p class="side-says">{t("inbox_says")}</p><Facts entry={entry} /></div>
        <div class="side"><p class="side-says">{t("inbox_now")}</p><Now entry={entry} /></div>
      </div>
      {mode.value === "correct" && <Correction entry={entry} back={() => (mode.value = "read")} send={(args) => void run(() => end(entry, "corrected", args))} busy={busy.value} />}
      {mode.value === "read" && (
        <div class="inbox-do">
          {entry.args !== undefined && <button type="button" disabled={busy.value} onClick={() => void run(() => end(entry, "applied"))}>{t("inbox_apply")}</button>}
          {entry.args !== undefined && <button type="button" onClick={() => (mode.value = "correct")}>{t("inbox_correct")}</button>}
          <button type="button" onClick={() => (mode.value = "discard")}>{t("inbox_discard")}</button>
        </div>
      )}
      {mode.value === "discard" && (
        <div class="inbox-do" role="group" aria-label={t("inbox_confirm_discard")}>
          <span>{t("inbox_confirm_discard")}</span>
          <button type="button" class="main bad" disabled={busy.value} onClick={() => void run(() => end(entry, "discarded"))}>{t("inbox_discard")}</button>
          <button type="button" onClick={() => (mode.value = "read")}>{t("inbox_back")}</button>
        </div>
      )}
    </li>
  );
}

type Arguments = Readonly<Record<string, unknown>>;

/** The arguments of an entry; none where they cannot be read. */
function argsOf(entry: Entry): Arguments {
  return typeof entry.args === "object" && entry.args !== null ? (entry.args as Arguments) : {};
}

/** Who sent it, by the names that the board knows. */
function senderOf(entry: Entry): string {
  for (const crew of board.value.crews.values()) {
    const person = crew.people?.find((each) => each.person_id === entry.person_id);
    if (person) return `${person.name} (${crew.name})`;
  }
  return "";
}

function Facts({ entry }: { entry: Entry }): JSX.Element {
  const said = Object.entries(argsOf(entry)).filter(([name]) => !name.endsWith("_id"));
  const sender = senderOf(entry);
  return (
    <dl>
      {entry.occurred_at && <div><dt>{t("inbox_happened")}</dt><dd>{clock(entry.occurred_at)}</dd></div>}
      <div><dt>{t("inbox_received")}</dt><dd>{clock(entry.received_at)}</dd></div>
      {sender && <div><dt>{t("inbox_by")}</dt><dd>{sender}</dd></div>}
      {said.map(([name, value]) => <div key={name}><dt>{words(name)}</dt><dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd></div>)}
      {Object.entries(entry.detail ?? {}).map(([name, value]) => <div key={`detail ${name}`}><dt>{words(name)}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function Now({ entry }: { entry: Entry }): JSX.Element {
  const job = board.value.jobs.get(entry.job_id ?? "");
  if (!job) return <p class="hint">{t("inbox_no_job")}</p>;
  const crew = crewOf(board.value, job.id);
  return (
    <dl>
      <div><dt>{t("inbox_job")}</dt><dd>{job.title || job.number}</dd></div>
      <div><dt>{words("state")}</dt><dd>{words(job.state)}</dd></div>
      <div><dt>{t("crew")}</dt><dd>{crew?.name ?? t("nobody")}</dd></div>
    </dl>
  );
}

interface CorrectionProps {
  readonly entry: Entry;
  readonly busy: boolean;
  readonly back: () => void;
  readonly send: (args: Arguments) => void;
}

/** Every argument as a field of its own; what is no plain text or number is written as JSON. */
function Correction({ entry, busy, back, send }: CorrectionProps): JSX.Element {
  const args = argsOf(entry);
  const texts = useSignal<Record<string, string>>(Object.fromEntries(Object.entries(args).map(([name, value]) => [name, textOf(value)])));
  const problem = useSignal("");
  const put = (name: string, text: string): void => {
    texts.value = { ...texts.value, [name]: text };
  };
  function submit(event: Event): void {
    event.preventDefault();
    const read: Record<string, unknown> = {};
    for (const [name, text] of Object.entries(texts.value)) {
      const value = valueOf(text, args[name]);
      if (value === undefined) {
        problem.value = t("inbox_not_json", { field: words(name) });
        return;
      }
      read[name] = value;
    }
    send(read);
  }
  return (
    <form class="inbox-correct" onSubmit={submit}>
      {Object.entries(texts.value).map(([name, text]) => (
        <label key={name}>{words(name)}
          <input value={text} onInput={(event) => put(name, event.currentTarget.value)} />
          {name === "job_id" && focusedJob.value && focusedJob.value !== text && (
            <button type="button" onClick={() => put(name, focusedJob.value ?? "")}>{t("inbox_take_job")}: {board.value.jobs.get(focusedJob.value)?.number}</button>
          )}
        </label>
      ))}
      <p class="problem" role="alert">{problem.value}</p>
      <div class="inbox-do">
        <button type="submit" class="main" disabled={busy}>{t("inbox_corrected")}</button>
        <button type="button" onClick={back}>{t("inbox_back")}</button>
      </div>
    </form>
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Read a text back as the kind of value that it was; undefined when it is none. */
function valueOf(text: string, was: unknown): unknown {
  if (typeof was === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
