// The inbox: reports that could not be applied, whole; and fields that two people set, both values side by side.

import type { ConflictLine } from "@contract";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { select } from "../state";
import { clock, count } from "../times";
import { t, words } from "../words";
import { conflicts, entries, loaded, look, problem, settle } from "./inbox";
import { QuarantineCard } from "./QuarantineCard";
import "./inbox.css";

export function InboxPanel(): JSX.Element {
  useEffect(() => void look(), []);
  return (
    <div class="inbox">
      <p class="problem" role="alert">{problem.value}</p>
      <section aria-labelledby="inbox-conflicts">
        <h3 id="inbox-conflicts">{t("inbox_conflicts")} {number(conflicts.value)}</h3>
        <p class="hint">{t("inbox_conflicts_hint")}</p>
        {empty(conflicts.value)}
        <ul>{conflicts.value.map((line) => <Conflict key={`${line.edit_id} ${line.field}`} line={line} />)}</ul>
      </section>
      <section aria-labelledby="inbox-quarantine">
        <h3 id="inbox-quarantine">{t("inbox_quarantine")} {number(entries.value)}</h3>
        <p class="hint">{t("inbox_quarantine_hint")}</p>
        {empty(entries.value)}
        <ul>{entries.value.map((entry) => <QuarantineCard key={entry.entry_id} entry={entry} />)}</ul>
      </section>
    </div>
  );
}

function number(items: readonly unknown[]): JSX.Element | null {
  return items.length ? <span class="badge">{count(items.length)}</span> : null;
}

function empty(items: readonly unknown[]): JSX.Element | null {
  return items.length ? null : <p class="inbox-empty">{t(loaded.value ? "inbox_empty" : "inbox_loading")}</p>;
}

function Conflict({ line }: { line: ConflictLine }): JSX.Element {
  const field = words(line.field);
  return (
    <li class="inbox-card" aria-label={t("inbox_card", { what: field, job: line.number })}>
      <p class="inbox-head"><b>{field}</b> <button type="button" class="bare inbox-number" onClick={() => select(line.job_id)}>{line.number}</button> <span class="hint">{line.title}</span></p>
      <div class="sides">
        <Side says={t("inbox_kept")} value={line.kept ?? ""} by={line.kept_by_name ?? ""} at={line.kept_at ?? null} action={t("inbox_keep")} run={() => void settle(line, "kept")} />
        <Side says={t("inbox_offered")} value={line.offered ?? ""} by={line.offered_by_name ?? ""} at={line.offered_at} action={t("inbox_take")} run={() => void settle(line, "offered")} />
      </div>
    </li>
  );
}

interface SideProps {
  readonly says: string;
  readonly value: string;
  readonly by: string;
  readonly at: string | null;
  readonly action: string;
  readonly run: () => void;
}

function Side({ says, value, by, at, action, run }: SideProps): JSX.Element {
  return (
    <div class="side">
      <p class="side-says">{says}</p>
      <blockquote>{words(value) === value ? value || t("inbox_nothing") : words(value)}</blockquote>
      <p class="hint">{[by, at ? clock(at) : ""].filter(Boolean).join(" · ")}</p>
      <button type="button" onClick={run}>{action}</button>
    </div>
  );
}
