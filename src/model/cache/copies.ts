import { GraphBuilder, type DataType } from '#graph/onnx/graph-builder.js';
import { Session } from '#runtime/index.js';

/**
 * A session beside another, on its device, that copies flat tensors: `from.N` to `to.N`, to and from memory
 * of any kind, all in one run.
 *
 * @param types of the elements of each.
 */
export function openCopies(
  { environment, device }: Pick<Session, 'environment' | 'device'>,
  types: readonly DataType[],
): Session {
  const graph = new GraphBuilder();
  types.forEach((type, index) => {
    const shape = [`elements.${index}`];
    const from = graph.input(`from.${index}`, type, shape);
    graph.output(graph.node({ op: 'Identity', inputs: [from], name: `to.${index}` }), type, shape);
  });
  // An optimizer would take the nodes out.
  const settings = { device, optimization: 'none', intraOpThreads: 1 } as const;
  return Session.fromBytes(environment, graph.toBytes('copies'), settings);
}
