import type { HeadNorm, HeadNorms } from '../blocks/head-norm.js';
import { concat } from '../weights/concat.js';
import type { Weight } from '../weights/checkpoint.js';
import type { DecoderLayer } from './decoder-design.js';
import { normScale, type NormStorage } from './decoder-norms.js';

/** Root mean square norms of each head of queries and keys, by default by the names that Qwen3 and Gemma 3 give them. */
export function headNorms(
  { source, weights, heads }: DecoderLayer,
  storage: NormStorage = 'plain',
  [query, key]: readonly [string, string] = ['q_norm', 'k_norm'],
): HeadNorms {
  const norm = (name: string): HeadNorm => ({
    weight: normScale(weights.scale(`self_attn.${name}`, heads.headSize), storage),
  });
  return {
    query: norm(query),
    key: norm(key),
    epsilon: source.config.positive('rms_norm_eps', 1e-6),
  };
}

/** Root mean square norms of all heads of queries at once, and of all of keys (OLMo 2). */
export function wholeNorms({ source, weights }: DecoderLayer): HeadNorms {
  const { heads, kvHeads, headSize } = source.sizes;
  return {
    query: { weight: weights.scale('self_attn.q_norm', heads * headSize) },
    key: { weight: weights.scale('self_attn.k_norm', kvHeads * headSize) },
    epsilon: source.config.positive('rms_norm_eps', 1e-6),
  };
}

/**
 * How layer norms of heads are stored: one for all heads of a side, with a shift (Phi); a scale for each head, in one
 * tensor (Command R+) or in one for each (StableLM 2 12B).
 */
export type HeadLayerNorms = 'shared' | 'stacked' | 'numbered';

/** Layer norms of each head of queries and keys, with the epsilon `layer_norm_eps`. */
export function headLayerNorms(
  { source, weights }: DecoderLayer,
  storage: HeadLayerNorms,
  [query, key]: readonly [string, string] = ['q_layernorm', 'k_layernorm'],
): HeadNorms {
  const { heads, kvHeads, headSize } = source.sizes;
  const norm = (side: string, count: number): HeadNorm => {
    const name = `self_attn.${side}`;
    switch (storage) {
      case 'shared': {
        const { weight, bias } = weights.norm(name, headSize, 0);
        return { weight, bias, isCentred: true };
      }
      case 'stacked':
        return { weight: weights.weight(`${name}.weight`, [count, headSize]), isCentred: true };
      case 'numbered': {
        const scales = Array.from({ length: count }, (_, i) => weights.scale(`${name}.norms.${i}`, headSize));
        return { weight: stacked(name, scales), isCentred: true };
      }
    }
  };
  return {
    query: norm(query, heads),
    key: norm(key, kvHeads),
    epsilon: source.config.positive('layer_norm_eps', 1e-5),
  };
}

function stacked(name: string, rows: readonly Weight[]): Weight {
  return {
    name,
    shape: [rows.length, ...rows[0]!.shape],
    load: async () => concat(await Promise.all(rows.map(row => row.load()))),
  };
}
