import { broken, unknown } from '../../failures.js';
import { bitLength, type PacketBits } from './bits.js';
import type { Codebook } from './codebook.js';

interface PartitionClass {
  readonly dimensions: number;
  readonly subclassBits: number;
  /** Undefined where there are no subclasses. */
  readonly masterBook: Codebook | undefined;
  /** By subclass; undefined: the values are 0. */
  readonly books: readonly (Codebook | undefined)[];
}

/** How a packet's spectral envelope is written: lines between points (floor 1: Vorbis I, section 7). */
export interface Floor {
  readonly partitions: readonly PartitionClass[];
  readonly multiplier: number;
  /** Where the points are. */
  readonly positions: readonly number[];
  /** Points by position. */
  readonly order: readonly number[];
  /** By point: those of the points before it that are next to it on the left and on the right. */
  readonly neighbours: readonly (readonly [low: number, high: number])[];
}

/** What points' heights are below, by the multiplier. */
const RANGES = [256, 128, 86, 64];

/** Height to amplitude: 256 steps from -139.45 dB to 0 (Vorbis I, section 10.1). */
const AMPLITUDES = Float32Array.from({ length: 256 }, (_, step) => 10 ** (((step - 255) * 0.546875) / 20));

/** @throws AudioFailure `broken`; `unknown` for floors of type 0, which no encoder writes; EndOfPacket */
export function readFloor(bits: PacketBits, books: readonly Codebook[]): Floor {
  const type = bits.read(16);
  if (type === 0) throw unknown('is a Vorbis of before 2000');
  if (type !== 1) throw broken('has a damaged header');
  const book = (index: number): Codebook => {
    const found = books[index];
    if (found === undefined) throw broken('has a damaged header');
    return found;
  };
  const classOf = Array.from({ length: bits.read(5) }, () => bits.read(4));
  const classes = Array.from({ length: Math.max(-1, ...classOf) + 1 }, (): PartitionClass => {
    const dimensions = bits.read(3) + 1;
    const subclassBits = bits.read(2);
    const masterBook = subclassBits > 0 ? book(bits.read(8)) : undefined;
    const books = Array.from({ length: 1 << subclassBits }, () => {
      const index = bits.read(8);
      return index === 0 ? undefined : book(index - 1);
    });
    return { dimensions, subclassBits, masterBook, books };
  });
  const multiplier = bits.read(2) + 1;
  const width = bits.read(4);
  const partitions = classOf.map(index => classes[index]!);
  const positions = [0, 2 ** width];
  for (const { dimensions } of partitions)
    for (let i = 0; i < dimensions; i++) positions.push(bits.read(width));
  if (new Set(positions).size < positions.length) throw broken('has a damaged header');
  const order = positions.map((_, point) => point).sort((a, b) => positions[a]! - positions[b]!);
  const neighbours = positions.map((position, point): readonly [number, number] => {
    let [low, high] = [0, 1];
    for (let other = 0; other < point; other++) {
      const at = positions[other]!;
      if (at < position && at > positions[low]!) low = other;
      if (at > position && at < positions[high]!) high = other;
    }
    return [low, high];
  });
  return { partitions, multiplier, positions, order, neighbours };
}

/**
 * Reads the points of one channel.
 *
 * @returns their heights, as they are written; undefined where the channel is silent.
 * @throws EndOfPacket
 */
export function readPoints(bits: PacketBits, floor: Floor): number[] | undefined {
  if (!bits.flag()) return undefined;
  const width = bitLength(RANGES[floor.multiplier - 1]! - 1);
  const points = [bits.read(width), bits.read(width)];
  for (const { dimensions, subclassBits, masterBook, books } of floor.partitions) {
    let subclasses = masterBook?.tree.read(bits) ?? 0;
    for (let i = 0; i < dimensions; i++) {
      points.push(books[subclasses & ((1 << subclassBits) - 1)]?.tree.read(bits) ?? 0);
      subclasses >>= subclassBits;
    }
  }
  return points;
}

/** Multiplies the first `size` elements of a spectrum by the envelope that goes through points. */
export function applyFloor(
  points: readonly number[],
  floor: Floor,
  spectrum: Float32Array,
  size: number,
): void {
  const heights = unfoldPoints(points, floor);
  let [x, y] = [0, heights[0]! * floor.multiplier];
  for (const point of floor.order.slice(1)) {
    const height = heights[point];
    if (height === undefined) continue;
    const [nextX, nextY] = [floor.positions[point]!, height * floor.multiplier];
    applyLine(spectrum, size, x, y, nextX, nextY);
    [x, y] = [nextX, nextY];
  }
  applyLine(spectrum, size, x, y, size, y);
}

/** Heights, which are written as differences to the line between neighbours; undefined: the point is on the line. */
function unfoldPoints(points: readonly number[], floor: Floor): (number | undefined)[] {
  const range = RANGES[floor.multiplier - 1]!;
  const heights = points.slice(0, 2);
  const isUsed = [true, true];
  for (let point = 2; point < points.length; point++) {
    const [low, high] = floor.neighbours[point]!;
    const predicted = onLine(
      floor.positions[low]!,
      heights[low]!,
      floor.positions[high]!,
      heights[high]!,
      floor.positions[point]!,
    );
    const value = points[point]!;
    const [above, below] = [range - predicted, predicted];
    isUsed[point] = value !== 0;
    heights[point] = predicted;
    if (value === 0) continue;
    isUsed[low] = isUsed[high] = true;
    if (value >= 2 * Math.min(above, below)) heights[point] = above > below ? value : range - value - 1;
    else heights[point] = predicted + (value % 2 === 1 ? -(value + 1) / 2 : value / 2);
  }
  return heights.map((height, point) => (isUsed[point] ? height : undefined));
}

/** The height of a line at `x`, as whole numbers. */
function onLine(x0: number, y0: number, x1: number, y1: number, x: number): number {
  return y0 + Math.trunc(((y1 - y0) * (x - x0)) / (x1 - x0));
}

/** Multiplies a spectrum from `x0` up to `x1` by a line's amplitudes; steps are those of whole numbers (Bresenham). */
function applyLine(
  spectrum: Float32Array,
  size: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  const [rise, run] = [y1 - y0, x1 - x0];
  const base = Math.trunc(rise / run);
  const step = rise < 0 ? base - 1 : base + 1;
  const rest = Math.abs(rise) - Math.abs(base) * run;
  let y = y0;
  for (let x = x0, error = 0; x < x1 && x < size; x++) {
    spectrum[x]! *= AMPLITUDES[y & 255]!;
    error += rest;
    if (error >= run) {
      error -= run;
      y += step;
    } else y += base;
  }
}
