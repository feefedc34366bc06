import { ReferenceModel } from '#test/reference/decoder.js';
import { silu } from '#test/reference/operations.js';
import { plainRope, rotate } from '#test/reference/rope.js';
import { caseModel, decoderShapes, llamaLayerShapes, SIZES, type CaseModel } from './model.js';

const config = {
  ...SIZES,
  model_type: 'smollm3',
  hidden_act: 'silu',
  no_rope_layers: [1, 0, 1],
  tie_word_embeddings: true,
} as const;

/** The second layer has no positions. */
export const SMOLLM3: CaseModel = caseModel(
  'smollm3',
  config,
  decoderShapes(config, true, () => llamaLayerShapes(config)),
  (fields, tensors, ids) => {
    const model = new ReferenceModel(fields, tensors);
    const rope = plainRope(8, config.rope_theta);
    return model.states(ids, (states, layer) =>
      model.preNorm(
        states,
        layer,
        normed =>
          model.attention(normed, layer, {
            turn: (head, position) => (layer === 1 ? head : rotate(head, position, rope)),
          }),
        x => model.gated(x, `model.layers.${layer}.mlp`, silu),
      ),
    );
  },
);
