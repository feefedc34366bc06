import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { ModelConfig } from '#graph/config.js';
import type { AlignmentHead } from '../decoder/seq2seq/aligned-rows.js';

/**
 * The heads that look where a token is heard: those of `alignment_heads` in generation_config.json. Where it names
 * none, or a distilled model's has those of its teacher, which are not there, it is the upper half of the layers, as
 * in openai/whisper.
 *
 * @throws KvasirError `invalid_model` where it is no list of pairs
 */
export async function readAlignmentHeads(
  folder: string,
  { decoderLayers, heads }: Seq2SeqSizes,
): Promise<readonly AlignmentHead[]> {
  const named = await namedHeads(folder);
  const isOwn = named.every(({ layer, head }) => layer < decoderLayers && head < heads);
  if (named.length > 0 && isOwn) return named;
  const first = Math.floor(decoderLayers / 2);
  return Array.from({ length: (decoderLayers - first) * heads }, (_, i) => ({
    layer: first + Math.floor(i / heads),
    head: i % heads,
  }));
}

async function namedHeads(folder: string): Promise<readonly AlignmentHead[]> {
  const file = 'generation_config.json';
  if (!existsSync(path.join(folder, file))) return [];
  const config = await ModelConfig.read(folder, file);
  if (!config.has('alignment_heads')) return [];
  const list = config.value('alignment_heads');
  const isPair = (value: unknown): value is readonly [number, number] =>
    Array.isArray(value) && value.length === 2 && value.every(index => Number.isInteger(index) && index >= 0);
  if (!Array.isArray(list) || !list.every(isPair))
    return config.invalid('alignment_heads is no list of pairs of a layer and a head');
  return list.map(([layer, head]) => ({ layer, head }));
}
