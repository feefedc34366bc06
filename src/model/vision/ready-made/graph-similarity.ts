import type { NodeProto } from '#graph/onnx/onnx_pb.js';
import { numberOf, type OnnxFile } from '../../onnx-file.js';
import type { TowerSimilarity } from '../contract.js';

/** What exporters call the logits of all pairs of texts and pictures. */
const LOGITS = ['logits_per_text', 'logits_per_image'];
/** Operators that leave a value as it is, but for its shape. */
const SAME = ['Identity', 'Transpose', 'Squeeze', 'Unsqueeze', 'Reshape', 'Cast'];

/**
 * What the graph of both towers together does to the product of their vectors, read off its last nodes: it is
 * multiplied by the scale, and the bias is added.
 *
 * @returns undefined where it is not that.
 */
export function graphSimilarity({
  nodes,
  weights,
  outputs,
}: OnnxFile): Omit<TowerSimilarity, 'activation'> | undefined {
  const makers = new Map(nodes.flatMap(node => node.output.map(name => [name, node] as const)));
  const scalars = new Map(weights.map(({ name, scalar }) => [name, scalar]));
  const constant = (name: string): number | undefined => scalars.get(name) ?? madeConstant(makers.get(name));
  const madeConstant = (node: NodeProto | undefined): number | undefined => {
    const [input = ''] = node?.input ?? [];
    if (node?.opType === 'Constant') return inlineScalar(node);
    if (node?.opType === 'Exp') {
      const exponent = constant(input);
      return exponent === undefined ? undefined : Math.exp(exponent);
    }
    return node !== undefined && SAME.includes(node.opType) ? constant(input) : undefined;
  };
  let [scale, bias] = [1, 0];
  let name = LOGITS.find(logits => outputs.some(output => output.name === logits));
  while (name !== undefined) {
    const node = makers.get(name);
    const [first, second] = node?.input ?? [];
    if (node === undefined || first === undefined) return undefined;
    if (node.opType === 'MatMul') return { scale, bias };
    if (SAME.includes(node.opType)) {
      name = first;
      continue;
    }
    if (second === undefined) return undefined;
    const [value, other]: readonly [number | undefined, string] =
      constant(second) === undefined ? [constant(first), second] : [constant(second), first];
    if (value === undefined) return undefined;
    if (node.opType === 'Mul') scale *= value;
    // What stands behind a product is read before it.
    else if (node.opType === 'Add' && scale === 1) bias += value;
    else return undefined;
    name = other;
  }
  return undefined;
}

/** The one number of a Constant node. */
function inlineScalar({ attribute }: NodeProto): number | undefined {
  const tensor = attribute.find(({ name }) => name === 'value')?.t;
  return tensor === undefined ? attribute.find(({ name }) => name === 'value_float')?.f : numberOf(tensor);
}
