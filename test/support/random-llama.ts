import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRandomLlama, type LlamaSizes } from '#bench/support/random-model.js';

/** A Llama so small that a step takes well under a millisecond, with grouped-query attention and padded heads. */
export const TINY_LLAMA: LlamaSizes = {
  hidden_size: 48,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 320,
  max_position_embeddings: 96,
};

/** Writes a Llama with random weights into a new folder, which is removed when the test is over. */
export async function randomLlama(
  t: { teardown(remove: () => Promise<void>): void },
  sizes: Partial<LlamaSizes> = {},
): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(parent, { recursive: true, force: true }));
  return writeRandomLlama(join(parent, 'tiny-llama'), { ...TINY_LLAMA, ...sizes });
}
