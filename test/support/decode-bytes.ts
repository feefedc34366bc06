import { ByteReader } from '#audio/byte-reader.js';
import { decodeRecording } from '#audio/recording.js';

/**
 * The sound of a file, decoded here and not on a thread.
 *
 * @param piece bytes that come at once.
 */
export async function decodeBytes(
  file: Uint8Array,
  { maxSeconds = 60, piece = file.length }: { maxSeconds?: number; piece?: number } = {},
): Promise<Float32Array> {
  let at = 0;
  const input = new ByteReader(async () => {
    if (at >= file.length) return undefined;
    const bytes = file.slice(at, at + piece);
    at += piece;
    return bytes;
  });
  const blocks: Float32Array[] = [];
  for await (const block of decodeRecording(input, { maxSeconds })) blocks.push(block.slice());
  return joinBlocks(blocks);
}

export function joinBlocks(blocks: readonly Float32Array[]): Float32Array {
  const sound = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    sound.set(block, at);
    at += block.length;
  }
  return sound;
}
