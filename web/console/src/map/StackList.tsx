// Jobs that stand on one spot, as a list beside it: zooming in would not part them.

import { useEffect, useRef } from "preact/hooks";
import { JobMark, markWords } from "../shell/JobMark";
import { hover, select, selection, toggle } from "../state/selection";
import { t } from "../words";
import { stack, viewBoard } from "./view";

const WIDTH_PX = 300;

export function StackList() {
  const first = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const shown = stack.value;
  useEffect(() => {
    if (!shown) return;
    first.current?.focus();
    const pane = box.current?.parentElement;
    if (!box.current || !pane) return;
    const x = Math.min(shown.x, pane.clientWidth - WIDTH_PX - 12);
    const y = Math.min(shown.y, pane.clientHeight - box.current.offsetHeight - 12);
    box.current.style.transform = `translate(${Math.max(8, x)}px, ${Math.max(8, y)}px)`;
  }, [shown]);
  if (!shown) return null;
  const jobs = shown.jobIds.flatMap((id) => viewBoard.value.jobs.get(id) ?? []);
  return (
    <div class="map-stack" ref={box} role="group" aria-label={t("map_stack", { n: jobs.length })} onKeyDown={(event) => event.key === "Escape" && close(event)}>
      <p>{t("map_stack", { n: jobs.length })}</p>
      <ul>
        {jobs.map((job, index) => (
          <li key={job.id}>
            <button
              type="button" ref={index === 0 ? first : undefined} aria-pressed={selection.value.has(job.id)}
              onClick={(event) => (event.ctrlKey || event.metaKey || event.shiftKey ? toggle(job.id) : select(job.id))}
              onFocus={() => hover("job", job.id)} onMouseEnter={() => hover("job", job.id)}
            >
              <JobMark job={job} size={24} />
              <span><b>{job.number}</b> {job.title}<small>{markWords(job)}</small></span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function close(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopPropagation();
  stack.value = null;
}
