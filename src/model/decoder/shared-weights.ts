import path from 'node:path';
import { SharedWeights } from '#runtime/index.js';
import { readOnnxFile } from '../onnx-file.js';

/**
 * The matrices of a graph that lie in a file beside it, for several sessions. Vectors are too small to be worth it,
 * and not all kernels that pack them can share what they packed.
 *
 * @param isShared which of them, by their names; default: all.
 * @returns undefined where there are none.
 * @throws KvasirError `invalid_model`
 */
export async function sharedWeights(
  graphPath: string,
  isShared: (name: string) => boolean = () => true,
): Promise<SharedWeights | undefined> {
  const { weights } = await readOnnxFile(graphPath);
  const stored = weights.flatMap(({ external, ...weight }) =>
    external === undefined || weight.shape.length < 2 || !isShared(weight.name)
      ? []
      : [{ ...weight, ...external }],
  );
  if (stored.length === 0) return undefined;
  return new SharedWeights(path.join(path.dirname(graphPath), stored[0]!.file), stored);
}
