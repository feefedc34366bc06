import type { ModelConfig } from '../config.js';
import type { DecoderArchitecture } from './decoder-design.js';

/** Class names of decoders that were changed to see both ways: `LlamaBidirectionalModel`, `MistralBiModel`. */
const BOTH_WAYS_CLASS = /Bi(direc|directional)?(Model|Embed\w*|For\w+)$/;

/**
 * True if a decoder's tokens see those behind them, too. config.json says so by `is_causal` (transformers,
 * Text Embeddings Inference, vLLM), by `use_bidirectional_attention` (Gemma 3, Qwen 3), or by the name of its
 * class (LLM2Vec, NVIDIA's embedders). Causal where nothing is said.
 *
 * @throws KvasirError `invalid_model`
 */
export function seesBothWays(config: ModelConfig): boolean {
  return (
    !config.flag('is_causal', true) ||
    isBidirectional(config) ||
    config.strings('architectures', []).some(name => BOTH_WAYS_CLASS.test(name))
  );
}

/** Gemma 4 says of which tokens: of all, or of those of a picture, which texts have none of. */
function isBidirectional(config: ModelConfig): boolean {
  const field = 'use_bidirectional_attention';
  return typeof config.value(field) === 'string'
    ? config.choice(field, ['all', 'vision']) === 'all'
    : config.flag(field, false);
}

/**
 * How far a token sees to either side in layers with a window, of a decoder that sees both ways; undefined
 * where no layer has one. With `is_causal: false` that is the window's own length, as in transformers.
 *
 * @throws KvasirError `invalid_model`; `unsupported_model` where it is not known for the family
 */
export function reachBothWays(
  { sizes, reachBothWays: reachOf }: Pick<DecoderArchitecture, 'sizes' | 'reachBothWays'>,
  config: ModelConfig,
): number | undefined {
  const window = sizes(config).windows?.find(size => size !== undefined);
  if (window === undefined || !isBidirectional(config)) return window;
  const reach = reachOf?.(window);
  if (reach === undefined || reach < 1)
    return config.unsupported(
      `use_bidirectional_attention is true, and how far a window of ${window} reaches then is not known for a ${config.modelType}`,
    );
  return reach;
}

/**
 * Refuses a generator whose tokens would see what is not written yet.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function requireCausal(config: ModelConfig): void {
  if (seesBothWays(config))
    config.unsupported(
      'its attention goes both ways (is_causal, use_bidirectional_attention or the class in architectures say so), so that it embeds and classifies texts but cannot write them: modules.json or architectures must name what it is for',
    );
}
