import type { BlockParameters, ChooseParameters } from './block-parameters.js';

/** The norm below 1 that lets a few outliers be wrong for the sake of all others. */
const P = 0.7;
/** Weight of the quadratic term, in quantization steps, and its growth per iteration. */
const FIRST_BETA = 1;
const GROWTH = 1.1;
const ITERATIONS = 20;

/**
 * Half-quadratic quantization (HQQ, Badri and Shaji 2023): improves a first choice of scale and zero point by making
 * `Σ |w - dequantized(w)|^p` small for a `p` below 1, without any data. Auxiliary errors `e` split that into two steps that have closed
 * solutions: `e` by generalised soft-thresholding of the residual, then scale and zero point by least squares against `w - e`. Zero points
 * stay integers, as MatMulNBits wants them. The best parameters seen are kept, so the result is never worse than the first choice.
 *
 * @param first chooses what to improve.
 * @param moveZero whether the zero point may change.
 */
export function halfQuadratic(first: ChooseParameters, moveZero: boolean): ChooseParameters {
  return (values, codes, parameters) => {
    first(values, codes, parameters);
    if (parameters.scale === 0) return;
    let { scale, zeroPoint } = parameters;
    let least = lpError(values, codes, parameters);
    let beta = FIRST_BETA;
    for (let i = 0; i < ITERATIONS; i++, beta *= GROWTH) {
      let [zeroSum, product, square] = [0, 0, 0];
      if (moveZero) {
        for (const value of values) {
          const exact = value / scale;
          const code = encode(exact, codes, zeroPoint);
          zeroSum += code - (exact - shrink(exact - (code - zeroPoint), beta));
        }
        zeroPoint = Math.min(codes - 1, Math.max(0, Math.round(zeroSum / values.length)));
      }
      for (const value of values) {
        const exact = value / scale;
        const level = encode(exact, codes, zeroPoint) - zeroPoint;
        product += (exact - shrink(exact - level, beta)) * level;
        square += level * level;
      }
      if (square === 0 || product === 0) return;
      scale *= product / square;
      const candidate: BlockParameters = { scale, zeroPoint };
      const error = lpError(values, codes, candidate);
      if (error < least) {
        least = error;
        Object.assign(parameters, candidate);
      }
    }
  };
}

/** Generalised soft-thresholding: the minimum of `|e|^p + β/2 (e - x)²`, nearly. */
function shrink(x: number, beta: number): number {
  const magnitude = Math.abs(x);
  const shrunk = magnitude - magnitude ** (P - 1) / beta;
  return shrunk > 0 ? Math.sign(x) * shrunk : 0;
}

function encode(exact: number, codes: number, zeroPoint: number): number {
  const code = Math.round(exact) + zeroPoint;
  return code < 0 ? 0 : code >= codes ? codes - 1 : code;
}

function lpError(values: Float32Array, codes: number, { scale, zeroPoint }: BlockParameters): number {
  let sum = 0;
  for (const value of values) {
    const level = encode(value / scale, codes, zeroPoint) - zeroPoint;
    sum += Math.abs(value - level * scale) ** P;
  }
  return sum;
}
