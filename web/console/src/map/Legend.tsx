// What the signs on the map mean, drawn by the same hand as the map.

import { useEffect, useRef } from "preact/hooks";
import { LOOKS } from "../state/filters";
import { dark } from "../theme";
import { type Key, t } from "../words";
import { draw } from "./drawing";
import { STANDINGS } from "./looks";
import { paletteOf } from "./palette";
import { legendShown } from "./view";

interface Line {
  readonly image: string;
  readonly says: Key;
}

const JOBS: readonly Line[] = LOOKS.map((look) => ({ image: `job|${look}|normal|-1|`, says: `look_${look}` as Key }));
const CLOCKS: readonly Line[] = [
  { image: "job|unassigned|normal|6|", says: "map_legend_calm" },
  { image: "job|unassigned|normal|12|", says: "map_legend_half" },
  { image: "job|unassigned|normal|17|", says: "map_legend_most" },
  { image: "job|unassigned|normal|21|", says: "map_legend_late" },
];
const MARKS: readonly Line[] = [
  { image: "job|assigned|urgent|-1|", says: "map_legend_urgent" },
  { image: "job|assigned|emergency|-1|", says: "map_legend_emergency" },
  { image: "job|assigned|normal|-1|flag", says: "map_legend_flag" },
  { image: "job|assigned|normal|-1|conflict", says: "map_legend_conflict" },
  { image: "cluster|0|6,4,2,0|1|0", says: "map_legend_cluster" },
];
const CREWS: readonly Line[] = [
  ...STANDINGS.map((standing): Line => ({ image: `crew|${standing}|now|`, says: `map_standing_${standing}` })),
  { image: "crew|on_time|stale|", says: "map_legend_stale" },
];
const GROUPS: readonly (readonly [Key, readonly Line[]])[] = [["jobs", JOBS], ["map_legend_clock", CLOCKS], ["map_legend_marks", MARKS], ["crews", CREWS]];

export function Legend() {
  if (!legendShown.value) return null;
  return (
    <aside class="map-legend" aria-label={t("map_legend")} tabIndex={0}>
      {GROUPS.map(([title, lines]) => (
        <section key={title}>
          <h2>{t(title)}</h2>
          <ul>{lines.map((line) => <li key={line.image}><Sample image={line.image} /><span>{t(line.says)}</span></li>)}</ul>
        </section>
      ))}
    </aside>
  );
}

function Sample({ image }: { image: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const night = dark.value;
  useEffect(() => {
    const drawn = draw(image, paletteOf(night ? "dark" : "light"), 2);
    if (!drawn || !canvas.current) return;
    canvas.current.width = drawn.image.width;
    canvas.current.height = drawn.image.height;
    canvas.current.getContext("2d")?.putImageData(drawn.image, 0, 0);
  }, [image, night]);
  return <canvas class="map-sample" ref={canvas} aria-hidden="true" />;
}
