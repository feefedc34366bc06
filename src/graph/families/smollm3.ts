import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import { decoderSizes, type DecoderSizes } from '../assembly/decoder-source.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { rotaryOf } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';
import type { ModelConfig } from '../config.js';

/** SmolLM3 (Hugging Face 2025): Llama with some layers without positions (NoPE, Kazemnejad et al. 2023). */
export const smollm3: DecoderArchitecture = {
  modelTypes: ['smollm3'],
  sizes: smollm3Sizes,
  design(source) {
    const rotary = rotaryOf(source);
    const turns = rotatedLayers(source.config, source.sizes);
    return llamaDesign(source, {
      rotary: ({ index }) => (turns[index] ? rotary : undefined),
      attentionBiases: biasesOf(source.config),
      feedForward: gatedMlps(source, 'mlp_bias'),
    });
  },
};

/** Where windows are switched on, layers without positions have one. */
function smollm3Sizes(config: ModelConfig): DecoderSizes {
  const turns = rotatedLayers(config, decoderSizes(config));
  const isUsed = config.flag('use_sliding_window', false) && config.has('sliding_window');
  return windowedSizes(config, layer => isUsed && turns[layer] === false);
}

/** Which layers have positions. The field `no_rope_layers` is 1 for those, against its name. */
function rotatedLayers(config: ModelConfig, { layers }: DecoderSizes): boolean[] {
  if (!config.has('no_rope_layers')) {
    const interval = config.size('no_rope_layer_interval', 4);
    return Array.from({ length: layers }, (_, layer) => (layer + 1) % interval !== 0);
  }
  const marks = config.numbers('no_rope_layers');
  if (marks.length !== layers)
    config.invalid(`no_rope_layers has ${marks.length} entries for ${layers} layers`);
  return marks.map(mark => mark !== 0);
}
