import { ReferenceModel } from '#test/reference/decoder.js';
import { scale, silu } from '#test/reference/operations.js';
import { plainRope, rotate } from '#test/reference/rope.js';
import { caseModel, decoderShapes, llamaLayerShapes, SIZES, type CaseModel } from './model.js';

const config = {
  ...SIZES,
  model_type: 'granite',
  hidden_act: 'silu',
  embedding_multiplier: 3,
  attention_multiplier: 0.2,
  residual_multiplier: 0.4,
  logits_scaling: 5,
  tie_word_embeddings: true,
} as const;

/** Factors of embeddings, scores, the outputs of both halves of a layer, and logits. */
export const GRANITE: CaseModel = caseModel(
  'granite',
  config,
  decoderShapes(config, true, () => llamaLayerShapes(config)),
  (fields, tensors, ids) => {
    const model = new ReferenceModel(fields, tensors);
    const rope = plainRope(8, config.rope_theta);
    const { attention_multiplier: scores, residual_multiplier: update } = config;
    return model.states(
      ids,
      (states, layer) =>
        model.preNorm(
          states,
          layer,
          normed =>
            model
              .attention(normed, layer, {
                scale: scores,
                turn: (head, position) => rotate(head, position, rope),
              })
              .map(x => scale(x, update)),
          x => scale(model.gated(x, `model.layers.${layer}.mlp`, silu), update),
        ),
      { embeddingScale: config.embedding_multiplier },
    );
  },
  { factor: 1 / config.logits_scaling },
);
