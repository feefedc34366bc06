import { llamaStates, type LlamaConfig } from '#test/reference/llama.js';
import { linearRope, llama3Rope, plainRope, yarnRope, type Rope } from '#test/reference/rope.js';
import { caseModel, decoderShapes, llamaLayerShapes, SIZES, type CaseModel } from './model.js';

const BASE = { ...SIZES, model_type: 'llama', hidden_act: 'silu', tie_word_embeddings: false } as const;

/** A Llama whose positions are scaled; `changes` says so, in the words of config.json. */
function scaled(name: string, changes: Readonly<Record<string, unknown>>, rope: Rope): CaseModel {
  const config: typeof BASE & LlamaConfig = { ...BASE, ...changes };
  const shapes = decoderShapes(config, false, () => llamaLayerShapes(config));
  return caseModel(name, config, shapes, (fields, tensors, ids) => llamaStates(fields, tensors, ids, rope));
}

const LLAMA3 = { factor: 4, low: 1, high: 3, original: 60 };
const llama3 = {
  rope_type: 'llama3',
  factor: LLAMA3.factor,
  low_freq_factor: LLAMA3.low,
  high_freq_factor: LLAMA3.high,
  original_max_position_embeddings: LLAMA3.original,
};

/** Ways to scale rotary positions; the names of fields changed over time. */
export const LLAMA_MODELS: readonly CaseModel[] = [
  scaled('llama, linear', { rope_scaling: { type: 'linear', factor: 2 } }, linearRope(8, 100, 2)),
  scaled(
    'llama, linear, new names',
    { rope_theta: undefined, rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 50 } },
    linearRope(8, 50, 2),
  ),
  scaled('llama, llama3', { rope_scaling: llama3 }, llama3Rope(8, 100, LLAMA3)),
  scaled(
    'llama, yarn',
    { rope_scaling: { rope_type: 'yarn', factor: 3, original_max_position_embeddings: 24 } },
    yarnRope(8, 100, 3, 24),
  ),
  scaled('llama, dynamic', { rope_scaling: { type: 'dynamic', factor: 3 } }, plainRope(8, 100)),
];
