import { cpuMemoryInfo, IoBinding, type RunOptions, type Session, type Tensor } from '#runtime/index.js';
import type { EncoderOutput } from '../../encoder/contract.js';
import type { VectorOutput } from './ports.js';

/**
 * Runs a ready-made graph and takes one vector for each of a batch.
 *
 * @param inputs by name.
 * @param count of the batch.
 */
export async function runVectors(
  session: Session,
  inputs: ReadonlyMap<string, Tensor>,
  { name, width, of }: VectorOutput,
  count: number,
  options: RunOptions,
): Promise<EncoderOutput[]> {
  using binding = new IoBinding(session);
  for (const [input, tensor] of inputs) binding.bindInput(input, tensor);
  binding.bindOutputToDevice(name, cpuMemoryInfo());
  await session.run(binding, options);
  const outputs = binding.outputs();
  try {
    const values = outputs[0]!.toArray() as Float32Array;
    const step = of === 'whole' ? width : values.length / count;
    return Array.from({ length: count }, (_, i) => ({
      values: values.slice(i * step, i * step + width),
      rows: 1,
      width,
    }));
  } finally {
    for (const output of outputs) output.dispose();
  }
}

/** A batch in parts of at most a size, which graphs with a fixed first dimension want. */
export function inParts<T>(batch: readonly T[], size: number): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let i = 0; i < batch.length; i += size) parts.push(batch.slice(i, i + size));
  return parts;
}

/** The batch that an input's first dimension asks for; where it may vary, any. */
export function fixedBatch(shape: readonly (number | string)[] | undefined): number {
  const [batch] = shape ?? [];
  return typeof batch === 'number' && batch > 0 ? batch : Infinity;
}
