import { ReferenceModel } from '#test/reference/decoder.js';
import { silu } from '#test/reference/operations.js';
import { plainRope, rotate } from '#test/reference/rope.js';
import { caseModel, decoderShapes, llamaLayerShapes, SIZES, type CaseModel } from './model.js';

const config = {
  ...SIZES,
  model_type: 'mistral',
  hidden_act: 'silu',
  head_dim: 24,
  sliding_window: 5,
  tie_word_embeddings: false,
} as const;

/** A window shorter than the context, and heads of another size than hidden / heads. */
export const MISTRAL: CaseModel = caseModel(
  'mistral',
  config,
  decoderShapes(config, false, () => llamaLayerShapes(config)),
  (fields, tensors, ids) => {
    const model = new ReferenceModel(fields, tensors);
    const rope = plainRope(24, config.rope_theta);
    return model.states(ids, (states, layer) =>
      model.preNorm(
        states,
        layer,
        normed =>
          model.attention(normed, layer, {
            turn: (head, position) => rotate(head, position, rope),
            window: 5,
          }),
        x => model.gated(x, `model.layers.${layer}.mlp`, silu),
      ),
    );
  },
);
