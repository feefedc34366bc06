import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { LLAMA_ATTENTION, plainMlp, selfAttention } from '../assembly/decoder-layers.js';
import { multiHeadSizes, type DecoderSizes } from '../assembly/decoder-source.js';
import { GPT_BODY, gptDesign } from '../assembly/gpt-design.js';
import { activationOf } from '../blocks/activation.js';
import { MOST, type ModelConfig } from '../config.js';

const ATTENTION = { ...LLAMA_ATTENTION, within: 'attn.attention', output: 'out_proj' };

/** GPT-Neo (Black et al. 2021): GPT-2 with a window in every other layer, and scores that are not scaled. */
export const gptNeo: DecoderArchitecture = {
  modelTypes: ['gpt_neo'],
  names: GPT_BODY,
  fieldNames: { num_attention_heads: 'num_heads', num_hidden_layers: 'num_layers' },

  sizes(config): DecoderSizes {
    const sizes = multiHeadSizes(config);
    const window = config.size('window_size', 256);
    const windows = layerTypes(config, sizes.layers).map(type => (type === 'local' ? window : undefined));
    if (windows.length !== sizes.layers)
      config.invalid(`attention_types name ${windows.length} layers of ${sizes.layers}`);
    return { ...sizes, windows };
  },

  design(source) {
    const { config, sizes } = source;
    const trained = config.size('max_position_embeddings', undefined, MOST.context);
    const mlp = {
      within: 'mlp',
      up: 'c_fc',
      down: 'c_proj',
      inner: config.size('intermediate_size', 4 * sizes.hiddenSize),
      hasBiases: true,
      activation: activationOf(config, 'activation_function', 'gelu_new'),
    };
    return gptDesign(source, trained, layer => ({
      attention: x => selfAttention(layer, x, { rotary: undefined, scale: 1 }, 'output', ATTENTION),
      feedForward: x => plainMlp(layer, x, mlp),
    }));
  },
};

/** `attention_types`: lists of kinds, each with how often it is repeated; by default both in turns. */
function layerTypes(config: ModelConfig, layers: number): readonly string[] {
  const types = config.has('attention_types')
    ? config.value('attention_types')
    : [[['global', 'local'], layers / 2]];
  const isGroup = (group: unknown): group is [string[], number] =>
    Array.isArray(group) &&
    Array.isArray(group[0]) &&
    group[0].every(kind => kind === 'global' || kind === 'local') &&
    Number.isSafeInteger(group[1]) &&
    group[1] >= 0 &&
    group[0].length * group[1] <= MOST.layers;
  if (!Array.isArray(types) || !types.every(isGroup))
    return config.unsupported(`attention_types is ${JSON.stringify(types)}`);
  return types.flatMap(([kinds, times]) => Array.from({ length: times }, () => kinds).flat());
}
