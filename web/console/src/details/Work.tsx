// What was done and said on site: checklist, notes, material, approvals, readings, photos, signatures.

import type { JobDetail } from "@contract";
import type { ComponentChildren } from "preact";
import { clock, count } from "../times";
import { local, t, words, type Key } from "../words";

export function Work({ known }: { known: JobDetail }) {
  const { tasks = [], notes = [], material_requests = [], approvals = [], readings = [], photos = [], signatures = [] } = known;
  const who = (id: string | null | undefined): string => (id && known.names?.[id]) || "";
  return (
    <>
      <Part says="checklist" number={tasks.length}>
        {tasks.map((task) => (
          <li key={task.id}>{local(task.label)} <b class={task.answer == null && task.mandatory ? "missing" : ""}>{task.answer == null ? t("unanswered") : answerOf(task.answer)}</b></li>
        ))}
      </Part>
      <Part says="notes" number={notes.length}>
        {notes.map((note) => <li key={note.id}><span class="prose">{note.text}</span> <span class="hint">{clock(note.written_at)} {who(note.written_by)}</span></li>)}
      </Part>
      <Part says="materials" number={material_requests.length}>
        {material_requests.map((one) => (
          <li key={one.id}><b>{words(one.state)}</b> {one.lines.map((line) => `${line.quantity} × ${known.names?.[line.part_id] ?? "?"}`).join(", ")} <span class="hint">{clock(one.requested_at)} {who(one.requested_by)}</span></li>
        ))}
      </Part>
      <Part says="approvals" number={approvals.length}>
        {approvals.map((one) => (
          <li key={one.id}><b>{words(one.state)}</b> {words(one.subject)} <span class="hint">{one.person_id ? who(one.person_id) : words(one.role ?? "")} {clock(one.decided_at ?? one.asked_at)}</span></li>
        ))}
      </Part>
      <Part says="readings" number={readings.length}>
        {readings.map((one) => <li key={one.id}>{one.value} <span class="hint">{one.typed_serial} {clock(one.read_at)} {who(one.read_by)}</span></li>)}
      </Part>
      <Part says="photos" number={photos.length}>
        {photos.map((one) => <li key={one.id}>{words(one.purpose ?? "")} <span class="hint">{clock(one.taken_at)} {who(one.taken_by)}</span></li>)}
      </Part>
      <Part says="signatures" number={signatures.length}>
        {signatures.map((one) => <li key={one.id}>{one.signer || words(one.purpose ?? "")} <span class="hint">{clock(one.signed_at)} {who(one.captured_by)}</span></li>)}
      </Part>
    </>
  );
}

function Part({ says, number, children }: { says: Key; number: number; children: ComponentChildren }) {
  if (!number) return null;
  return <section><h4>{t(says)} <span class="hint">{count(number)}</span></h4><ul class="work">{children}</ul></section>;
}

function answerOf(answer: string): string {
  return answer === "yes" || answer === "no" ? t(answer) : answer;
}
