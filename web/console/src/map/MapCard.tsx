// The card beside what is pointed at on the map, in whichever pane it is pointed at. It moves with the map.

import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { whoOf } from "../state/board";
import { isOver, lookOf } from "../state/reading";
import { dragging } from "../state/drag";
import { hovered, type Hover } from "../state/selection";
import { t, words } from "../words";
import { dueSaid, heardSaid, unsentSaid } from "./sayings";
import { stage, viewBoard } from "./view";

const GAP_PX = 24;
/** Nearer than this to the upper edge there is no room above. */
const ROOM_PX = 130;

export function MapCard() {
  const card = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const on = hovered.value;
    const made = stage.value;
    if (!on || !made) return;
    const place = (): void => put(card.current, on);
    // The card is drawn with this change; then it can be put in its place.
    queueMicrotask(place);
    made.map.on("move", place);
    return () => made.map.off("move", place);
  });
  const on = hovered.value;
  if (!on || !stage.value || dragging.value) return null;
  const held = viewBoard.value;
  if (on.kind === "crew" ? !held.crews.has(on.id) : !held.jobs.has(jobOf(on))) return null;
  const said = on.kind === "crew" ? <CrewSaid id={on.id} /> : <JobSaid id={jobOf(on)} />;
  return <div class="map-card" ref={card} aria-hidden="true">{said}</div>;
}

function jobOf(on: Hover): string {
  return on.kind === "visit" ? (viewBoard.value.visits.get(on.id)?.job_id ?? "") : on.id;
}

function put(card: HTMLDivElement | null, on: Hover): void {
  const made = stage.peek();
  if (!card || !made) return;
  const at = on.kind === "crew" ? made.pixelOf("crew", on.id) : made.pixelOf("job", jobOf(on));
  const { clientWidth, clientHeight } = made.map.getContainer();
  const seen = at && at.x >= 0 && at.y >= 0 && at.x <= clientWidth && at.y <= clientHeight;
  card.hidden = !seen;
  if (!seen) return;
  const half = card.offsetWidth / 2;
  const x = Math.min(Math.max(at.x, half + 8), clientWidth - half - 8);
  const below = at.y < ROOM_PX;
  card.style.transform = `translate(${Math.round(x - half)}px, ${Math.round(below ? at.y + GAP_PX : at.y - GAP_PX - card.offsetHeight)}px)`;
}

function JobSaid({ id }: { id: string }) {
  const held = viewBoard.value;
  const job = held.jobs.get(id);
  if (!job) return null;
  const crews = (held.visitsOfJob.get(id) ?? []).filter((visit) => !isOver(visit)).map((visit) => held.crews.get(whoOf(visit))?.name).filter(Boolean);
  const due = dueSaid(job);
  return (
    <>
      <b>{job.number}</b> {job.title}
      <p>
        <span class={`map-card-state look-${lookOf(job)}`}>{t(`look_${lookOf(job)}`)}</span>
        {job.priority && job.priority !== "normal" && <strong>{words(job.priority)}</strong>}
        {job.held_for && <span>{words(job.held_for)}</span>}
      </p>
      {due && <p>{due}</p>}
      {job.address && <p class="soft">{job.address}</p>}
      {crews.length > 0 && <p>{crews.join(", ")}</p>}
    </>
  );
}

function CrewSaid({ id }: { id: string }) {
  const held = viewBoard.value;
  const crew = held.crews.get(id);
  if (!crew) return null;
  const visits = (held.visitsOfCrew.get(id) ?? []).filter((visit) => !isOver(visit));
  const next = visits[0] && held.jobs.get(visits[0].job_id);
  const unsent = unsentSaid(crew);
  return (
    <>
      <b>{crew.name}</b>
      <p>{heardSaid(crew)}</p>
      {unsent && <p><strong>{unsent}</strong></p>}
      <p>{t("map_visits_ahead", { n: visits.length })}</p>
      {next && <p class="soft">{next.number} {next.title}</p>}
    </>
  );
}
