// How a job is drawn: the look as colour and sign, the priority as ring, the arrival clock as arc. Nothing is said by colour alone.

import type { BoardJob } from "@contract";
import { bandOf, type Look, lookOf, shareOf } from "../state/reading";
import { now } from "../times";
import { t, words } from "../words";

// Signs in a box of 16 by 16 around its middle.
export const SIGNS: Readonly<Record<Look, string>> = {
  triage: "M6.2 6.3a1.9 1.9 0 1 1 2.9 1.6c-.7.5-1.1.8-1.1 1.5m0 1.7v.2",
  unassigned: "M8 4.6v4.2m0 2.2v.3",
  assigned: "M5.2 8h5.6M8 5.2v5.6",
  working: "M6.6 5.2l4.2 2.8-4.2 2.8z",
  held: "M6.4 5.4v5.2m3.2-5.2v5.2",
  done: "M5 8.2l2.2 2.2L11 6",
  cancelled: "M5.7 5.7l4.6 4.6m0-4.6l-4.6 4.6",
};

/** The sign of a look alone. */
export function LookMark({ look, size = 16 }: { look: Look; size?: number }) {
  return (
    <svg class={`mark look-${look}`} viewBox="0 0 16 16" width={`${size / 14}rem`} height={`${size / 14}rem`} aria-hidden="true">
      <circle class="disc" cx="8" cy="8" r="6.5" />
      <path class="sign" d={SIGNS[look]} />
    </svg>
  );
}

const ARC_R = 10.4;
const ROUND = 2 * Math.PI * ARC_R;

/** A job's whole mark; its words are in the text beside it. */
export function JobMark({ job, size = 28 }: { job: BoardJob; size?: number }) {
  const look = lookOf(job);
  const share = shareOf(job, now.value);
  const priority = job.priority ?? "normal";
  return (
    <svg class={`mark look-${look} priority-${priority}`} viewBox="0 0 24 24" width={`${size / 14}rem`} height={`${size / 14}rem`} aria-hidden="true">
      {share !== null && <circle class="arc-ground" cx="12" cy="12" r={ARC_R} />}
      {share !== null && (
        <circle class={`arc band-${bandOf(share)}`} cx="12" cy="12" r={ARC_R} transform="rotate(-90 12 12)"
          stroke-dasharray={`${Math.min(share, 1) * ROUND} ${ROUND}`} />
      )}
      <circle class="disc" cx="12" cy="12" r="6.5" />
      {(priority === "urgent" || priority === "emergency") && <circle class="ring" cx="12" cy="12" r={priority === "emergency" ? 7.9 : 7.6} />}
      <path class="sign" d={SIGNS[look]} transform="translate(4 4)" />
    </svg>
  );
}

/** The same in words, for those who do not see it. */
export function markWords(job: BoardJob): string {
  const priority = job.priority ?? "normal";
  return priority === "normal" ? t(`look_${lookOf(job)}`) : `${words(priority)}, ${t(`look_${lookOf(job)}`)}`;
}
