import { decodeBlocks, type BlockType } from './block-types.js';

/** The numbers of whole blocks, in single precision as ggml itself computes them. */
export function blockFloats(type: BlockType, bytes: Uint8Array): Float32Array {
  const { levels, scales, minimums } = decodeBlocks(type, bytes);
  const { partSize } = type;
  const floats = new Float32Array(levels.length);
  for (let part = 0, i = 0; part < scales.length; part++) {
    const [scale, minimum] = [scales[part]!, minimums[part]!];
    for (const end = i + partSize; i < end; i++) floats[i] = levels[i]! * scale - minimum;
  }
  return floats;
}
