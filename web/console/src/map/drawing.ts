// Images of the map, drawn on demand from their names. A look is a colour and a shape, never a colour alone.

import { SIGNS } from "../shell/JobMark";
import type { Look } from "../state/reading";
import { ARC_STEPS, PAST_LIMIT, type Age, type Standing } from "./looks";
import type { Palette } from "./palette";

export interface Drawn {
  readonly image: ImageData;
  readonly pixelRatio: number;
}

type Pen = CanvasRenderingContext2D;

const JOB_SIZE = 38;
const CREW_SIZE = 38;
const TURN = 2 * Math.PI;
const TOP = -Math.PI / 2;
/** The donut of a cluster: tones in the order in which its image names their shares. */
export const CLUSTER_TONES: readonly Look[] = ["unassigned", "assigned", "working", "held"];
/** Shares of a cluster are told in so many parts. */
export const CLUSTER_PARTS = 12;
const CLUSTER_SIZES = [38, 44, 50, 58];

/** Draw the image of a name; null for a name that is none of ours. */
export function draw(name: string, palette: Palette, pixelRatio: number): Drawn | null {
  const [kind, ...said] = name.split("|");
  if (kind === "job") return onCanvas(JOB_SIZE, pixelRatio, (pen) => drawJob(pen, palette, said));
  if (kind === "cluster") return onCanvas(clusterSize(said), pixelRatio, (pen) => drawCluster(pen, palette, said));
  if (kind === "crew") return onCanvas(CREW_SIZE, pixelRatio, (pen) => drawCrew(pen, palette, said));
  if (kind === "halo") return onCanvas(56, pixelRatio, (pen) => drawHalo(pen, palette, said[0] ?? ""));
  if (kind === "depot") return onCanvas(20, pixelRatio, (pen) => drawDepot(pen, palette));
  if (kind === "stop") return onCanvas(22, pixelRatio, (pen) => drawStop(pen, palette, said[0] ?? ""));
  return null;
}

function onCanvas(size: number, pixelRatio: number, paint: (pen: Pen) => void): Drawn {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.round(size * pixelRatio);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("no canvas to draw on");
  pen.scale(pixelRatio, pixelRatio);
  pen.translate(size / 2, size / 2);
  pen.lineJoin = pen.lineCap = "round";
  paint(pen);
  return { image: pen.getImageData(0, 0, canvas.width, canvas.height), pixelRatio };
}

function drawJob(pen: Pen, palette: Palette, [said, priority, arc, badge]: string[]): void {
  const look = said as Look;
  const colour = palette.tone[look];
  const raised = priority === "urgent" || priority === "emergency";
  shadow(pen, palette, 12);
  ring(pen, 14.5, 1.5, palette.paper);
  if (raised) {
    ring(pen, 11.9, 2.2, priority === "emergency" ? palette.emergency : palette.urgent);
    if (priority === "emergency") spikes(pen, palette.emergency);
  }
  pen.beginPath();
  shape(pen, look, raised ? 9.6 : 10.6);
  fillAndLine(pen, colour, palette.paper, 1.6);
  drawGlyph(pen, look, palette.glyph);
  drawArc(pen, palette, Number(arc), 15.4);
  if (badge) drawBadge(pen, palette, badge);
}

function shadow(pen: Pen, palette: Palette, radius: number): void {
  pen.save();
  pen.shadowColor = "rgba(0,0,0,.35)";
  pen.shadowBlur = 5;
  pen.shadowOffsetY = 2;
  disc(pen, radius, palette.paper);
  pen.restore();
}

function disc(pen: Pen, radius: number, colour: string): void {
  pen.beginPath();
  pen.arc(0, 0, radius, 0, TURN);
  pen.fillStyle = colour;
  pen.fill();
}

function ring(pen: Pen, radius: number, width: number, colour: string): void {
  pen.beginPath();
  pen.arc(0, 0, radius, 0, TURN);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke();
}

function fillAndLine(pen: Pen, fill: string, line: string, width: number): void {
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = width;
  pen.strokeStyle = line;
  pen.stroke();
}

/** Four short rays: an emergency is told from what is urgent without its colour. */
function spikes(pen: Pen, colour: string): void {
  pen.strokeStyle = colour;
  pen.lineWidth = 2.6;
  for (let n = 0; n < 4; n++) {
    const at = Math.PI / 4 + (n * Math.PI) / 2;
    pen.beginPath();
    pen.moveTo(Math.cos(at) * 12.5, Math.sin(at) * 12.5);
    pen.lineTo(Math.cos(at) * 17, Math.sin(at) * 17);
    pen.stroke();
  }
}

/** The outline of a look: disc unassigned, diamond to be looked at, square assigned, hexagon working, octagon held. */
function shape(pen: Pen, look: Look, radius: number): void {
  if (look === "triage") polygon(pen, 4, radius + 1, 0);
  else if (look === "assigned") pen.roundRect(-radius * 0.88, -radius * 0.88, radius * 1.76, radius * 1.76, 4);
  else if (look === "working") polygon(pen, 6, radius + 0.6, Math.PI / 6);
  else if (look === "held") polygon(pen, 8, radius + 0.3, Math.PI / 8);
  else pen.arc(0, 0, look === "unassigned" ? radius : radius * 0.8, 0, TURN);
}

function polygon(pen: Pen, corners: number, radius: number, turned: number): void {
  for (let n = 0; n < corners; n++) {
    const at = turned + (n / corners) * TURN;
    if (n === 0) pen.moveTo(Math.cos(at) * radius, Math.sin(at) * radius);
    else pen.lineTo(Math.cos(at) * radius, Math.sin(at) * radius);
  }
  pen.closePath();
}


function drawGlyph(pen: Pen, look: Look, colour: string): void {
  pen.strokeStyle = colour;
  pen.lineWidth = 2.1;
  pen.save();
  pen.translate(-8, -8);
  pen.stroke(new Path2D(SIGNS[look]));
  pen.restore();
}

/** The arrival clock around a job: its length is the share that has run; past the limit it is whole and double. */
function drawArc(pen: Pen, palette: Palette, step: number, radius: number): void {
  if (step < 0) return;
  const [calm, half, soon, past] = palette.arc;
  const share = step / ARC_STEPS;
  const colour = step >= PAST_LIMIT ? past : share >= 0.75 ? soon : share >= 0.5 ? half : calm;
  ring(pen, radius, 1, `${colour}55`);
  pen.beginPath();
  pen.arc(0, 0, radius, TOP, TOP + TURN * Math.min(1, Math.max(share, 0.02)));
  pen.lineWidth = 2.8;
  pen.strokeStyle = colour;
  pen.stroke();
  if (step >= PAST_LIMIT) ring(pen, 18, 1.2, colour);
}

function drawBadge(pen: Pen, palette: Palette, badge: string): void {
  pen.save();
  pen.translate(11.5, -11.5);
  pen.beginPath();
  if (badge === "conflict") polygon(pen, 3, 7, TOP);
  else pen.roundRect(-5, -5, 10, 10, 2);
  fillAndLine(pen, palette.ink, palette.paper, 1.4);
  pen.strokeStyle = palette.paper;
  pen.lineWidth = 1.8;
  pen.stroke(new Path2D(badge === "conflict" ? "M0-2.6v2.2M0 2.2v.1" : "M-1.6-2.8v5.6M-1.4-2.6h3.6L1-1 2.2.6h-3.6"));
  pen.restore();
}

function clusterSize([size]: string[]): number {
  return CLUSTER_SIZES[Number(size)] ?? CLUSTER_SIZES[0]!;
}

function drawCluster(pen: Pen, palette: Palette, said: string[]): void {
  const outer = clusterSize(said) / 2 - 5;
  const shares = (said[1] ?? "").split(",").map(Number);
  const [late, urgent] = [said[2] === "1", said[3] === "1"];
  shadow(pen, palette, outer);
  const whole = shares.reduce((sum, share) => sum + share, 0) || 1;
  let from = TOP;
  shares.forEach((share, at) => {
    if (!share) return;
    const to = from + (share / whole) * TURN;
    pen.beginPath();
    pen.arc(0, 0, outer - 3, from, to);
    pen.lineCap = "butt";
    pen.lineWidth = 6;
    pen.strokeStyle = palette.tone[CLUSTER_TONES[at] ?? "done"];
    pen.stroke();
    from = to;
  });
  if (urgent) ring(pen, outer + 1.2, 2, palette.urgent);
  if (late) {
    ring(pen, outer + (urgent ? 3.6 : 1.6), 1.6, palette.arc[3]);
    pen.save();
    pen.translate(outer * 0.72, -outer * 0.72);
    disc(pen, 6.5, palette.arc[3]);
    pen.strokeStyle = palette.glyph;
    pen.lineWidth = 1.9;
    pen.lineCap = "round";
    pen.stroke(new Path2D("M0-3.2V.6M0 3.1v.1"));
    pen.restore();
  }
}

const VAN = "M-8.2-4.6H2.2V4.2H-8.2ZM2.2-1.8H5.4L8.2 1.2V4.2H2.2Z";

/** A van in a plate that points at its place. An old position has a broken outline; the layer fades it besides. */
function drawCrew(pen: Pen, palette: Palette, [standing, age, mock]: string[]): void {
  const look = standing as Standing;
  const colour = palette.standing[look];
  const faded = (age as Age) === "stale";
  pen.save();
  pen.shadowColor = "rgba(0,0,0,.4)";
  pen.shadowBlur = 5;
  pen.shadowOffsetY = 1.5;
  plate(pen);
  pen.fillStyle = faded ? palette.paper : colour;
  pen.fill();
  pen.restore();
  plate(pen);
  if (faded) pen.setLineDash([3, 2.6]);
  pen.lineWidth = 1.8;
  pen.strokeStyle = faded ? colour : palette.paper;
  pen.stroke();
  pen.setLineDash([]);
  drawVan(pen, faded ? colour : palette.glyph, faded ? palette.paper : colour);
  if (look === "late" || look === "slipping") standingBadge(pen, palette, look);
  if (mock === "mock") {
    pen.strokeStyle = palette.ink;
    pen.lineWidth = 2.2;
    pen.beginPath();
    pen.moveTo(-13, 9);
    pen.lineTo(13, -15);
    pen.stroke();
  }
}

function plate(pen: Pen): void {
  pen.beginPath();
  pen.moveTo(-4, 10.5);
  pen.lineTo(-9, 10.5);
  pen.arcTo(-13.5, 10.5, -13.5, 6, 4.5);
  pen.arcTo(-13.5, -13, -9, -13, 4.5);
  pen.arcTo(13.5, -13, 13.5, -8.5, 4.5);
  pen.arcTo(13.5, 10.5, 9, 10.5, 4.5);
  pen.lineTo(4, 10.5);
  pen.lineTo(0, 16);
  pen.closePath();
}

function drawVan(pen: Pen, colour: string, behind: string): void {
  pen.save();
  pen.translate(0, -1.4);
  pen.fillStyle = colour;
  pen.fill(new Path2D(VAN));
  for (const x of [-5, 4.6]) {
    pen.beginPath();
    pen.arc(x, 4.4, 2.2, 0, TURN);
    fillAndLine(pen, colour, behind, 1.3);
  }
  pen.restore();
}

function standingBadge(pen: Pen, palette: Palette, standing: Standing): void {
  pen.save();
  pen.translate(12, -12);
  pen.beginPath();
  if (standing === "late") pen.arc(0, 0, 6, 0, TURN);
  else polygon(pen, 3, 7.4, TOP);
  fillAndLine(pen, palette.paper, palette.standing[standing], 1.6);
  pen.strokeStyle = palette.standing[standing];
  pen.lineWidth = 1.8;
  pen.stroke(new Path2D(standing === "late" ? "M0-2.9V.5M0 2.8v.1" : "M0-2V.6M0 2.8v.1"));
  pen.restore();
}

function drawHalo(pen: Pen, palette: Palette, kind: string): void {
  if (kind === "hovered") disc(pen, 25, `${palette.accent}3d`);
  ring(pen, 22.5, kind === "hovered" ? 2.5 : 3, palette.accent);
  if (kind === "selected") ring(pen, 25.4, 1.2, palette.paper);
}

function drawStop(pen: Pen, palette: Palette, number: string): void {
  disc(pen, 10, palette.paper);
  ring(pen, 9, 1.8, palette.accent);
  pen.fillStyle = palette.ink;
  pen.font = "700 11px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(number, 0, 0.6);
}

function drawDepot(pen: Pen, palette: Palette): void {
  pen.beginPath();
  pen.roundRect(-8, -8, 16, 16, 4);
  fillAndLine(pen, palette.ground.text, palette.paper, 1.4);
  pen.strokeStyle = palette.paper;
  pen.lineWidth = 1.5;
  pen.stroke(new Path2D("M-4.5 4.5V-1L0-4.5 4.5-1V4.5M-2 4.5V.8H2V4.5"));
}
