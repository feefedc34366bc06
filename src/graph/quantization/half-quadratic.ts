import type { BlockParameters, ChooseParameters } from './block-parameters.js';

/** Exponent of the norm: below 1, so that a few outliers may be wrong for the sake of all others. */
const P = 0.7;
/** Weight of the quadratic term, for residuals in quantization steps, and its growth per iteration. */
const FIRST_BETA = 1;
const GROWTH = 1.1;
const ITERATIONS = 20;

/**
 * `x^exponent` for x in [0, 1), where nearly all residuals lie, from a table: a power takes longer than all
 * else here together.
 */
const RESOLUTION = 1024;
const ERRORS = powers(P);
const SLOPES = powers(P - 1);

/**
 * Half-quadratic quantization (HQQ, Badri and Shaji 2023): improves a first choice of scale and zero point by
 * making `Σ |w - dequantized(w)|^p` small for a `p` below 1, without any data. Auxiliary errors `e` split
 * that into two steps that have closed solutions: `e` by generalised soft-thresholding of the residual, then
 * zero point and scale by least squares against `w - e`. Zero points stay integers, as MatMulNBits wants
 * them. It stops where a step does not help, so the result is never worse than the first choice.
 *
 * @param first chooses what to improve.
 * @param moveZero whether the zero point may change.
 */
export function halfQuadratic(first: ChooseParameters, moveZero: boolean): ChooseParameters {
  return (values, codes, parameters) => {
    first(values, codes, parameters);
    if (parameters.scale === 0) return;
    const candidate = { ...parameters };
    let least = lpError(values, codes, parameters);
    for (let i = 0, beta = FIRST_BETA; i < ITERATIONS; i++, beta *= GROWTH) {
      if (moveZero) fitZeroPoint(values, codes, candidate, beta);
      fitScale(values, codes, candidate, beta);
      const error = lpError(values, codes, candidate);
      if (!(error < least)) return;
      least = error;
      parameters.scale = candidate.scale;
      parameters.zeroPoint = candidate.zeroPoint;
    }
  };
}

function fitZeroPoint(values: Float32Array, codes: number, candidate: BlockParameters, beta: number): void {
  const { scale, zeroPoint } = candidate;
  let shift = 0;
  for (let i = 0; i < values.length; i++) {
    const exact = values[i]! / scale;
    const level = nearestLevel(exact, codes, zeroPoint);
    shift += level - exact + shrink(exact - level, beta);
  }
  candidate.zeroPoint = Math.min(codes - 1, Math.max(0, zeroPoint + Math.round(shift / values.length)));
}

function fitScale(values: Float32Array, codes: number, candidate: BlockParameters, beta: number): void {
  const { scale, zeroPoint } = candidate;
  let product = 0;
  let square = 0;
  for (let i = 0; i < values.length; i++) {
    const exact = values[i]! / scale;
    const level = nearestLevel(exact, codes, zeroPoint);
    product += (exact - shrink(exact - level, beta)) * level;
    square += level * level;
  }
  candidate.scale *= product / square;
}

/** Generalised soft-thresholding: nearly the `e` where `|e|^p + β/2 (e - x)²` is least. */
function shrink(x: number, beta: number): number {
  const magnitude = Math.abs(x);
  const slope = magnitude < 1 ? SLOPES[(magnitude * RESOLUTION) | 0]! : magnitude ** (P - 1);
  const shrunk = magnitude - slope / beta;
  return shrunk <= 0 ? 0 : x < 0 ? -shrunk : shrunk;
}

/** Rounds to a code, less the zero point. */
function nearestLevel(exact: number, codes: number, zeroPoint: number): number {
  const level = Math.floor(exact + 0.5);
  return level < -zeroPoint ? -zeroPoint : level >= codes - zeroPoint ? codes - 1 - zeroPoint : level;
}

function lpError(values: Float32Array, codes: number, { scale, zeroPoint }: BlockParameters): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const exact = values[i]! / scale;
    const magnitude = Math.abs(exact - nearestLevel(exact, codes, zeroPoint));
    sum += magnitude < 1 ? ERRORS[(magnitude * RESOLUTION) | 0]! : magnitude ** P;
  }
  return sum * Math.abs(scale) ** P;
}

function powers(exponent: number): Float64Array {
  return Float64Array.from({ length: RESOLUTION }, (_, i) => ((i + 0.5) / RESOLUTION) ** exponent);
}
