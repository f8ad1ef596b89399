// Whether a spot is inside an outline drawn by hand. Pure.

type Spot = { readonly x: number; readonly y: number };

/** Tell by the rule of odd crossings; the outline closes by itself and may cross itself. */
export function within({ x, y }: Spot, outline: readonly Spot[]): boolean {
  let inside = false;
  let last = outline[outline.length - 1];
  for (const next of outline) {
    if (last && next.y > y !== last.y > y && x < ((last.x - next.x) * (y - next.y)) / (last.y - next.y) + next.x) inside = !inside;
    last = next;
  }
  return inside;
}
