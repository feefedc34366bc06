/** Plain float64 formulas, written for reading; nothing here is shared with the product. */
import type { TestTensor } from '#test/support/safetensors.js';

export type Vector = readonly number[];

export function add(a: Vector, b: Vector): number[] {
  return a.map((value, i) => value + b[i]!);
}

export function multiply(a: Vector, b: Vector): number[] {
  return a.map((value, i) => value * b[i]!);
}

export function scale(a: Vector, factor: number): number[] {
  return a.map(value => value * factor);
}

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function mean(x: Vector): number {
  return x.reduce((sum, value) => sum + value, 0) / x.length;
}

/** Row `index` of a matrix. */
export function row({ shape, values }: TestTensor, index: number): number[] {
  const columns = shape[1]!;
  return values.slice(index * columns, (index + 1) * columns);
}

/** `W x + b` for a weight `[out, in]`. Most of the time of tests goes into this sum, which therefore copies no rows. */
export function linear(x: Vector, { shape, values }: TestTensor, bias?: TestTensor): number[] {
  const [rows, columns] = shape as readonly [number, number];
  return Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += values[i * columns + j]! * x[j]!;
    return sum + (bias?.values[i] ?? 0);
  });
}

/** `Σ weight · vector` of vectors of one size. */
export function weightedSum(weights: Vector, vectors: readonly Vector[], size: number): number[] {
  const sum = new Array<number>(size).fill(0);
  weights.forEach((weight, nth) => {
    const vector = vectors[nth]!;
    for (let i = 0; i < size; i++) sum[i]! += weight * vector[i]!;
  });
  return sum;
}

/** Zhang and Sennrich 2019, equation 4. */
export function rmsNorm(x: Vector, weight: Vector, epsilon: number): number[] {
  const factor = 1 / Math.sqrt(mean(x.map(value => value * value)) + epsilon);
  return x.map((value, i) => value * factor * weight[i]!);
}

/** Ba et al. 2016, equations 3 and 4. */
export function layerNorm(x: Vector, weight: Vector, bias: Vector | undefined, epsilon: number): number[] {
  const middle = mean(x);
  const variance = mean(x.map(value => (value - middle) ** 2));
  return x.map(
    (value, i) => ((value - middle) / Math.sqrt(variance + epsilon)) * weight[i]! + (bias?.[i] ?? 0),
  );
}

export function softmax(x: Vector): number[] {
  const max = Math.max(...x);
  const exponentials = x.map(value => Math.exp(value - max));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map(value => value / sum);
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export function silu(x: number): number {
  return x * sigmoid(x);
}

/** The approximation by tanh (Hendrycks and Gimpel 2016). */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/**
 * `2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!` (Abramowitz and Stegun 7.1.6), whose terms all have one sign.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Activations by the names that configurations have for them. */
export const ACTIVATIONS: Readonly<Record<string, (x: number) => number>> = {
  gelu: x => (x * (1 + erf(x / Math.SQRT2))) / 2,
  gelu_new: geluTanh,
  relu: x => Math.max(0, x),
  relu2: x => Math.max(0, x) ** 2,
  silu,
  swish: silu,
  tanh: Math.tanh,
};

/** `c · tanh(x / c)` */
export function softCap(x: number, cap: number | undefined): number {
  return cap === undefined ? x : cap * Math.tanh(x / cap);
}
