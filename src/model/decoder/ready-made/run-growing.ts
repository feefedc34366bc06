import { IoBinding, Tensor, type RunOptions } from '#runtime/index.js';
import type { DecoderGraph, Step } from './decoder-graph.js';
import type { Growth } from './growing-cache.js';
import type { KvState } from './kv-state.js';
import type { CachePort } from './ports.js';

/** Positions of a past of nothing: the branch without a past does not look at it, but may not take an empty one. */
export function blankPositions({ ports }: DecoderGraph): number {
  return ports.cacheBranch === undefined ? 0 : 1;
}

/**
 * Runs a graph from a past to a present.
 *
 * @param bindMore binds what the graph takes beside its cache and the step; tensors that it uses are disposed after
 * the run.
 * @returns as {@link DecoderGraph.run}
 */
export async function runGrowing(
  graph: DecoderGraph,
  { past, present }: Growth,
  step: Step,
  options: RunOptions,
  bindMore?: (binding: IoBinding, use: (tensor: Tensor) => Tensor) => void,
): Promise<Float32Array> {
  const { cacheType, caches } = graph.ports;
  const tensors: Tensor[] = [];
  const use = (tensor: Tensor): Tensor => {
    tensors.push(tensor);
    return tensor;
  };
  const tensorOf = ({ heads, headSize }: CachePort, { positions, arrays }: KvState, index: number): Tensor =>
    use(Tensor.fromArray(arrays[index]!, [step.rows.length, heads, positions, headSize], cacheType));
  using binding = new IoBinding(graph.session);
  try {
    caches.forEach((cache, index) => {
      if (cache.past !== undefined) binding.bindInput(cache.past, tensorOf(cache, past, index));
      binding.bindOutput(cache.present, tensorOf(cache, present, index));
    });
    bindMore?.(binding, use);
    return await graph.run(binding, step, options);
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}
