import type { ModelConfig } from '../config.js';
import type { DecoderArchitecture, DecoderSizes } from '../assembly/decoder-architecture.js';
import { rmsNorms, writeDecoder } from '../assembly/decoder-body.js';
import { activationOf, gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { qwenSizes } from './qwen.js';
import { readRope, ropeTables } from '../assembly/rope.js';

/** SmolLM3 (Hugging Face 2025): Llama with some layers without positions (NoPE, Kazemnejad et al. 2023). */
export const smollm3: DecoderArchitecture = {
  modelTypes: ['smollm3'],
  sizes: qwenSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const turns = rotatedLayers(config, sizes);
    const biases = config.flag('attention_bias', false) ? 'all' : 'none';
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x =>
            selfAttention(layer, x, { rotary: turns[layer.index] ? rotary : undefined }, biases),
          feedForward: x => gatedMlp(layer, x, activation, config.flag('mlp_bias', false)),
        }),
    });
  },
};

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
