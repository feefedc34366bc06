import { linear } from '../../blocks/linear.js';
import { normalize } from '../../blocks/sentence-embedding.js';
import { int } from '../../onnx/attributes.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { TokenHeads } from '../../sentence-token-heads.js';
import { matrix } from '../../weights/matrix.js';
import type { EncoderSource } from '../encoder-architecture.js';

/**
 * What BGE-M3 makes of hidden states: the weight of each token, and beside it its vector of length 1.
 *
 * @param hidden `[rows, hidden]`
 * @returns `[rows, 1 + dimension]`
 */
export function tokenHeads(
  { graph, modules, sizes }: EncoderSource,
  hidden: Value,
  { weightFile, vectorFile, dimension }: TokenHeads,
): Value {
  const project = (file: string, width: number): Value => {
    const weights = modules.get(file)!;
    const rows = matrix(weights.weight('weight', [width, sizes.hiddenSize]));
    return linear(graph, file, hidden, rows, weights.vector('bias', width), 'floats');
  };
  const weight = graph.node({ op: 'Relu', inputs: [project(weightFile, 1)], name: 'token_weights' });
  const vector = normalize(graph, 'token_vectors', project(vectorFile, dimension));
  return graph.node({
    op: 'Concat',
    inputs: [weight, vector],
    name: 'token_heads',
    attributes: { axis: int(1) },
  });
}
