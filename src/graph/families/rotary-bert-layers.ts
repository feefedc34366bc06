import type { LayerWeights } from '../assembly/bert-design.js';
import type { EncoderSource } from '../assembly/encoder-architecture.js';
import { dense, packedAttention, part, squareAttention, type Dense } from '../assembly/layer-weights.js';
import type { ModelWeights } from '../weights/model-weights.js';

/** What a layer with rotary positions has. */
export interface RotaryLayer {
  readonly attentionBias: boolean;
  /** Of the projections onto the inner features. */
  readonly upBias: boolean;
  readonly downBias: boolean;
  readonly isGated: boolean;
}

/** Names of a layer's weights; `gate` and `up` may be one matrix, the latter first. */
interface Names {
  readonly layer: string;
  /** Queries, keys and values: one matrix, or three. */
  readonly packed?: string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly feedForwardNorm: string;
  readonly packedUp?: string;
  readonly up: string;
  readonly gate: string;
  readonly down: string;
}

/** The layout of transformers, and those of the makers' own code: of Nomic and Jina, and of Alibaba. */
const TRANSFORMERS: Names = {
  layer: 'layers',
  output: 'self_attn.o_proj',
  attentionNorm: 'post_attention_layernorm',
  feedForwardNorm: 'post_mlp_layernorm',
  up: 'mlp.up_proj',
  gate: 'mlp.gate_proj',
  down: 'mlp.down_proj',
};
const FLASH = { layer: 'encoder.layers', attentionNorm: 'norm1', feedForwardNorm: 'norm2' };
const NOMIC: Names = {
  ...FLASH,
  packed: 'attn.Wqkv',
  output: 'attn.out_proj',
  up: 'mlp.fc11',
  gate: 'mlp.fc12',
  down: 'mlp.fc2',
};
const JINA: Names = { ...NOMIC, packed: 'mixer.Wqkv', output: 'mixer.out_proj', up: 'mlp.fc1' };
const ALIBABA: Names = {
  layer: 'encoder.layer',
  packed: 'attention.qkv_proj',
  output: 'attention.o_proj',
  attentionNorm: 'attn_ln',
  feedForwardNorm: 'mlp_ln',
  packedUp: 'mlp.up_gate_proj',
  up: '',
  gate: '',
  down: 'mlp.down_proj',
};

/** A layer in whichever layout the checkpoint has it. */
export function rotaryLayer(
  { config, body, sizes }: EncoderSource,
  index: number,
  has: RotaryLayer,
): LayerWeights {
  const { hiddenSize } = sizes;
  const inner = config.size('intermediate_size');
  const names = layout(body, has);
  const prefix = `${names.layer}.${index}`;
  const own = body.within(prefix);
  const { packed, output } = names;
  const attention =
    packed === undefined
      ? squareAttention(own, { ...apart('self_attn'), output }, hiddenSize, has.attentionBias)
      : packedAttention(own, { packed, output }, hiddenSize, has.attentionBias);
  const side = (name: string, nth: number): Dense =>
    names.packedUp === undefined
      ? dense(own, name, inner, hiddenSize, has.upBias)
      : part(dense(own, names.packedUp, 2 * inner, hiddenSize, has.upBias), nth, inner);
  const up = side(names.up, 0);
  const down = dense(own, names.down, hiddenSize, inner, has.downBias);
  const plain = { up: up.matrix, upBias: up.bias, down: down.matrix, downBias: down.bias };
  const gate = has.isGated ? side(names.gate, 1) : undefined;
  return {
    attention,
    feedForward: gate === undefined ? plain : { ...plain, gate: gate.matrix, gateBias: gate.bias },
    attentionNorm: `${prefix}.${names.attentionNorm}`,
    feedForwardNorm: `${prefix}.${names.feedForwardNorm}`,
  };
}

function layout(body: ModelWeights, { isGated }: RotaryLayer): Names {
  const found = [NOMIC, JINA, ALIBABA].find(({ layer, packed }) => body.has(`${layer}.0.${packed}.weight`));
  if (found !== undefined) return found;
  return isGated ? TRANSFORMERS : { ...TRANSFORMERS, up: 'mlp.fc1', down: 'mlp.fc2' };
}

function apart(prefix: string): { readonly query: string; readonly key: string; readonly value: string } {
  return { query: `${prefix}.q_proj`, key: `${prefix}.k_proj`, value: `${prefix}.v_proj` };
}
