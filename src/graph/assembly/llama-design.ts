import { activationOf } from '../blocks/activation.js';
import type { RotaryTables } from '../blocks/rotary.js';
import { scale } from '../blocks/scale.js';
import type { Value } from '../onnx/graph-builder.js';
import type { DecoderDesign, DecoderLayer } from './decoder-design.js';
import {
  gatedMlp,
  preNormLayer,
  selfAttention,
  type AttentionDesign,
  type Biases,
} from './decoder-layers.js';
import { rmsNorms } from './decoder-norms.js';
import type { DecoderSource } from './decoder-source.js';
import { rotaryOf } from './rope.js';

/** A family's differences from Llama; a field that is left out is as there. */
export interface LlamaDifferences extends Partial<Omit<DecoderDesign, 'layer'>> {
  /** Rotary positions of a layer; undefined: it has none. */
  readonly rotary?: (layer: DecoderLayer) => RotaryTables | undefined;
  /** A layer's attention beside its rotary positions. */
  readonly attention?: (layer: DecoderLayer) => Omit<AttentionDesign, 'rotary'>;
  /** Default: `none`. */
  readonly attentionBiases?: Biases;
  /** The attention half of a layer in place of Llama's, to which the fields above and `interleaved` belong. */
  readonly attend?: (layer: DecoderLayer, x: Value) => Value;
  /** True if neighbouring features of a head turn together, where `rotary` says nothing; default: those of its halves. */
  readonly interleaved?: boolean;
  readonly feedForward?: (layer: DecoderLayer, x: Value) => Value;
  /** Factor of what each half of a layer adds to the residual stream. */
  readonly updateFactor?: number;
  /** Puts the halves of a layer together; by default with norms before them. */
  readonly layer?: typeof preNormLayer;
}

/**
 * Llama (Touvron et al. 2023) with differences: pre-norm layers with RMS norm, grouped-query attention,
 * rotary positions and SwiGLU without biases.
 */
export function llamaDesign(source: DecoderSource, differences: LlamaDifferences = {}): DecoderDesign {
  const { graph } = source;
  const {
    attend = llamaAttention(source, differences),
    feedForward = gatedMlps(source),
    updateFactor = 1,
    layer: write = preNormLayer,
    ...others
  } = differences;
  return {
    normalize: rmsNorms(source),
    ...others,
    layer: (layer, residual) =>
      write(layer, residual, {
        attention: x => scale(graph, `${layer.name}.attended.scaled`, attend(layer, x), updateFactor),
        feedForward: x => scale(graph, `${layer.name}.fed.scaled`, feedForward(layer, x), updateFactor),
      }),
  };
}

function llamaAttention(
  source: DecoderSource,
  { interleaved = false, rotary, attention, attentionBiases }: LlamaDifferences,
): (layer: DecoderLayer, x: Value) => Value {
  const tablesOf = rotary ?? everywhere(rotaryOf(source, { interleaved }));
  return (layer, x) =>
    selfAttention(layer, x, { rotary: tablesOf(layer), ...attention?.(layer) }, attentionBiases);
}

/**
 * Gated feed-forward layers by Llama's names, with the activation that `hidden_act` of config.json names.
 *
 * @param biasField the field that says whether they have biases; undefined: they have none.
 */
export function gatedMlps(
  { config }: DecoderSource,
  biasField?: string,
): (layer: DecoderLayer, x: Value) => Value {
  const activation = activationOf(config, 'hidden_act', 'silu');
  const hasBiases = biasField !== undefined && config.flag(biasField, false);
  return (layer, x) => gatedMlp(layer, x, activation, hasBiases);
}

function everywhere(rotary: RotaryTables): () => RotaryTables {
  return () => rotary;
}
