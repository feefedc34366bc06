import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Bias } from './linear.js';
import { underDimensionsOf } from './leading-dimensions.js';

/** A choice of experts that the operators for experts do not make themselves. */
export interface ExpertRouting {
  /** What an expert's weight is made of its logit by. */
  readonly score: 'softmax' | 'sigmoid';
  /** Added to the scores for the choice, and not for the weights (DeepSeek-V3), `[experts]`. */
  readonly choiceBias?: Bias | undefined;
  /** Groups of experts of which only some are chosen from; undefined: from all. */
  readonly groups?: ExpertGroups | undefined;
}

/** Experts in groups, one behind the other. */
export interface ExpertGroups {
  readonly count: number;
  /** Groups that experts are chosen from. */
  readonly chosen: number;
  /** A group is worth the sum of so many of its largest scores. */
  readonly counted: number;
}

/** Experts that were chosen. */
export interface RoutedTokens {
  /** Logits whose softmax has the chosen experts' weights, and nothing for others, `[tokens, experts]`. */
  readonly logits: Value;
  /** Sum of the chosen experts' scores, `[...tokens, 1]`. */
  readonly share: () => Value;
}

/** What an expert has that is out of the question; large enough for any score, and a number of 16 bits, too. */
const SHUT_OUT = -3e4;

/**
 * Chooses experts by their scores, within groups (DeepSeek-V2, DeepSeek-AI 2024, section 2.2.2) or with a bias that
 * balances their load (DeepSeek-V3, DeepSeek-AI 2024, section 2.1.2), in single precision.
 *
 * @param logits of the router, `[...tokens, experts]`.
 * @param count of experts.
 * @param perToken experts that are chosen.
 */
export function routeTokens(
  graph: ModelGraph,
  name: string,
  logits: Value,
  count: number,
  perToken: number,
  { score, choiceBias, groups }: ExpertRouting,
): RoutedTokens {
  const node = (op: string, part: string, inputs: readonly Value[], axis?: number): Value =>
    graph.node({
      op,
      inputs: [...inputs],
      name: `${name}.${part}`,
      ...(axis !== undefined && { attributes: { axis: int(axis) } }),
    });
  const cast = (value: Value, to: DataType, part: string): Value =>
    graph.floatType === DataType.FLOAT
      ? value
      : graph.node({ op: 'Cast', inputs: [value], name: `${name}.${part}`, attributes: { to: int(to) } });

  const flat = node('Reshape', 'flat', [logits, constant(graph, [-1, count])]);
  const exact = cast(flat, DataType.FLOAT, 'exact');
  const scores =
    score === 'softmax' ? node('Softmax', 'scores', [exact], -1) : node('Sigmoid', 'scores', [exact]);
  const biased =
    choiceBias === undefined
      ? scores
      : node('Add', 'biased', [
          scores,
          graph.initializer(`${name}.choice_bias`, DataType.FLOAT, [count], () => choiceBias.load()),
        ]);
  const allowed = groups === undefined ? biased : withinGroups(graph, name, biased, count, groups);
  const chosen = `${name}.chosen`;
  largest(graph, `${name}.best`, allowed, perToken, [`${name}.best`, chosen]);
  const pick = (part: string, of: Value): Value => node('GatherElements', part, [of, chosen], -1);
  const weights =
    score === 'softmax'
      ? exact
      : node('Neg', 'log_scores', [node('Softplus', 'softplus', [node('Neg', 'opposite', [exact])])]);
  const shutOut = fill(graph, `${name}.shut_out`, exact, SHUT_OUT);
  const routed = node('ScatterElements', 'routed', [shutOut, chosen, pick('weights', weights)], -1);
  return {
    logits: cast(routed, graph.floatType, 'logits'),
    share: () => {
      const sum = node('ReduceSum', 'sum', [pick('chosen_scores', scores), constant(graph, [-1])]);
      return underDimensionsOf(graph, `${name}.share`, cast(sum, graph.floatType, 'cast_sum'), logits, 1);
    },
  };
}

/** The scores, with those out of the question that are in none of the best groups. */
function withinGroups(
  graph: ModelGraph,
  name: string,
  scores: Value,
  experts: number,
  { count, chosen, counted }: ExpertGroups,
): Value {
  const node = (op: string, part: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  const apart = node('Reshape', 'groups', scores, constant(graph, [-1, count, experts / count]));
  const best = largest(graph, `${name}.best_of_group`, apart, counted);
  const worth = graph.node({
    op: 'ReduceSum',
    inputs: [best, constant(graph, [-1])],
    name: `${name}.worth`,
    attributes: { keepdims: int(0) },
  });
  const places = `${name}.best_groups.places`;
  const values = largest(graph, `${name}.best_groups`, worth, chosen, [`${name}.best_groups`, places]);
  const gates = graph.node({
    op: 'ScatterElements',
    inputs: [
      fill(graph, `${name}.groups_out`, worth, SHUT_OUT),
      places,
      fill(graph, `${name}.groups_in`, values, 0),
    ],
    name: `${name}.gates`,
    attributes: { axis: int(-1) },
  });
  const gated = node('Add', 'gated', apart, node('Unsqueeze', 'gates.apart', gates, constant(graph, [-1])));
  return node('Reshape', 'ungrouped', gated, constant(graph, [-1, experts]));
}

/** The largest of the last axis, and where they are. */
function largest(
  graph: ModelGraph,
  name: string,
  x: Value,
  count: number,
  outputs: readonly [Value, Value] = [name, `${name}.places`],
): Value {
  return graph.node({ op: 'TopK', inputs: [x, constant(graph, [count])], name, outputs: [...outputs] });
}

/** A value's shape, full of a number. */
function fill(graph: ModelGraph, name: string, like: Value, value: number): Value {
  const shape = graph.node({ op: 'Shape', inputs: [like], name: `${name}.shape` });
  const number = graph.shared(`number.${value}`, () =>
    graph.constant(`number.${value}`, [], [value], DataType.FLOAT),
  );
  return graph.node({ op: 'Expand', inputs: [number, shape], name });
}

function constant(graph: ModelGraph, values: readonly number[]): Value {
  const name = `integers.${values.join('.')}`;
  return graph.shared(name, () => graph.constant(name, [values.length], values));
}
