import { Type, type TSchema } from 'typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { MAX_PROMPT } from '#api/encoding/prompt.js';
import { nullable, nullableEnum } from '#http/schemas/nullable.js';

/** Most token ids of one text: more than any model's context. */
const MAX_TOKEN_IDS = 2 ** 20;

/** Most characters of a name, and of what is no text for a model to read. */
export const MAX_NAME = 1024;

export const TokenIds = Type.Array(Type.Integer({ minimum: 0, title: 'token id' }), {
  minItems: 1,
  maxItems: MAX_TOKEN_IDS,
});

/** One text or several. */
export const Texts = Type.Union([
  Type.String(),
  Type.Array(Type.String(), { minItems: 1, maxItems: MAX_INPUTS }),
]);

/** The model to use. @param example of a name. */
export const modelField = (example = 'encoder') =>
  nullable(
    Type.String({
      maxLength: MAX_NAME,
      description: 'One of `/v1/models`. By default the first that can do this.',
      examples: [example],
    }),
  );

/** What becomes of inputs that are too long: vLLM's field and that of text-embeddings-inference. */
export const truncationFields = {
  truncate: nullable(
    Type.Boolean({
      description:
        "Cut inputs that are longer than the model can read. Otherwise they are refused with `context_length_exceeded`. By default the server's setting `auto_truncate` says it: they are refused.",
    }),
  ),
  truncate_prompt_tokens: nullable(
    Type.Integer({
      minimum: -1,
      description:
        "Cut inputs to this many tokens, special tokens included; -1 stands for the model's own limit.",
    }),
  ),
  truncation_direction: nullableEnum(['left', 'right', 'Left', 'Right'], {
    default: 'right',
    description: 'The side on which inputs are cut. Of a pair, the longer text is cut first.',
  }),
};

/** The side on which inputs are cut, as vLLM calls it. */
export const truncationSideField = {
  truncation_side: nullableEnum(['left', 'right'], {
    default: 'right',
    description: "vLLM's name for `truncation_direction`, which comes before it.",
  }),
};

export const specialTokensField = {
  add_special_tokens: nullable(
    Type.Boolean({
      default: true,
      description: 'Put the special tokens that the model expects around each text.',
    }),
  ),
};

/** What is put in front of texts, as `encode` of sentence-transformers takes it. */
export const promptFields = {
  prompt_name: nullable(
    Type.String({
      maxLength: MAX_NAME,
      description:
        "One of the model's prompts (`prompts` of its config_sentence_transformers.json), which is put in front of each text; empty for none. By default the model's `default_prompt_name`.",
    }),
  ),
  prompt: nullable(
    Type.String({
      maxLength: MAX_PROMPT,
      description: 'The text to put in front of each text, in place of one of the prompts; empty for none.',
    }),
  ),
};

/** What a reranker is told of what is looked for. */
export const instructionFields = {
  instruction: nullable(
    Type.String({
      maxLength: MAX_PROMPT,
      description:
        'What a document must be to be relevant, for a reranker that is told it (Qwen3-Reranker), in place of one of its prompts.',
    }),
  ),
  prompt_name: nullable(
    Type.String({
      maxLength: MAX_NAME,
      description:
        "One of such a reranker's prompts (`prompts` of its config_sentence_transformers.json). By default its `default_prompt_name`.",
    }),
  ),
};

/** The fields of classifiers that ask for logits. */
export const activationFields = {
  raw_scores: nullable(
    Type.Boolean({ default: false, description: "The model's logits in place of probabilities." }),
  ),
  use_activation: nullable(
    Type.Boolean({
      default: true,
      description: "vLLM's name for the opposite of `raw_scores`, which comes before it.",
    }),
  ),
};

/** Whether logits are asked for. */
export function asksForLogits({ raw_scores: raw, use_activation: activated }: RawScoresFields): boolean {
  return raw ?? !(activated ?? true);
}

interface RawScoresFields {
  readonly raw_scores?: boolean | null;
  readonly use_activation?: boolean | null;
}

const listFields = {
  id: Type.String(),
  object: Type.String({ const: 'list' }),
  created: Type.Integer({ description: 'Seconds since the epoch.' }),
  model: Type.String(),
};

/** Counts of tokens where nothing is generated. */
export const usageField = Type.Object({
  prompt_tokens: Type.Integer({
    description: 'Tokens of all inputs as the model read them: after truncation.',
  }),
  total_tokens: Type.Integer({ description: 'The same: nothing is generated.' }),
});

/**
 * A list of results, and an example of one.
 *
 * @param results the field with the results.
 * @param example the prefix of its `id`, its results, and how many tokens they took.
 */
export function resultList<F extends string, T extends TSchema>(
  $id: string,
  results: Readonly<Record<F, T>>,
  example: { readonly prefix: string; readonly results: unknown; readonly tokens: number },
) {
  const { prefix, tokens } = example;
  const [field] = Object.keys(results);
  const head = { id: `${prefix}-1d9b0a36-2f0c-4f0e-9a54-7c1a4f5c3b52`, object: 'list', created: 1767225600 };
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return Type.Object(
    { ...listFields, ...results, usage: usageField },
    { $id, examples: [{ ...head, model: 'encoder', [field!]: example.results, usage }] },
  );
}
