import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Vector } from '../weights/model-weights.js';

/** Parameters of xIELU; the slopes are stored before their softplus. */
export interface XieluWeights {
  readonly alphaP: Vector;
  readonly alphaN: Vector;
  /** Default: 0.5. */
  readonly beta?: Vector | undefined;
  /** Default: -1e-6. */
  readonly epsilon?: Vector | undefined;
}

const BETA = 0.5;
const EPSILON = -1e-6;

/**
 * xIELU (Huang and Schlag 2024): `αp x² + β x` where `x > 0`, else `αn (e^min(x, ε) - 1 - x) + β x`, with
 * `αp = softplus(p)` and `αn = β + softplus(n)`.
 */
export function xielu(
  graph: ModelGraph,
  name: string,
  x: Value,
  { alphaP, alphaN, beta, epsilon }: XieluWeights,
): Value {
  const first = async (vector: Vector | undefined, fallback: number): Promise<number> =>
    (await vector?.load())?.[0] ?? fallback;
  const number = (part: string, load: () => Promise<number>): Value =>
    graph.floats(`${name}.${part}`, [], async () => Float32Array.of(await load()));
  const node = (op: string, part: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  const slope = number('beta', () => first(beta, BETA));
  const positive = number('alpha_p', async () => softplus(await first(alphaP, 0)));
  const negative = number(
    'alpha_n',
    async () => (await first(beta, BETA)) + softplus(await first(alphaN, 0)),
  );
  const limit = number('epsilon', () => first(epsilon, EPSILON));
  const zero = graph.shared('xielu.zero', () => graph.floats('xielu.zero', [], () => Float32Array.of(0)));
  const above = node('Mul', 'above', node('Mul', 'square', x, x), positive);
  // Below zero, Elu is the exponential less 1.
  const shifted = node('Sub', 'shifted', node('Elu', 'exponential', node('Min', 'limited', x, limit)), x);
  const below = node('Mul', 'below', shifted, negative);
  const curve = node('Where', 'curve', node('Greater', 'is_above', x, zero), above, below);
  return graph.node({ op: 'Add', inputs: [curve, node('Mul', 'line', x, slope)], name });
}

function softplus(x: number): number {
  return x > 30 ? x : Math.log1p(Math.exp(x));
}
