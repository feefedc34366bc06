import { Type } from 'typebox';
import { MAX_NAME } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';

/** The languages of encoder-decoders that know them by codes, as transformers' tokenizers call them. */
export const languageFields = {
  src_lang: nullable(
    Type.String({
      maxLength: MAX_NAME,
      description:
        "The language of the prompt, by the model's own code for it (`languages` of `/v1/models`); by default the one that its tokenizer takes for granted.",
      examples: ['eng_Latn'],
    }),
  ),
  tgt_lang: nullable(
    Type.String({
      maxLength: MAX_NAME,
      description: "The language to write, by the model's own code for it.",
      examples: ['deu_Latn'],
    }),
  ),
};

/** Beam search, as vLLM calls it. */
export const beamFields = {
  use_beam_search: nullable(
    Type.Boolean({
      description:
        'Look for the most probable text, with as many hypotheses at once as `best_of` or else `n` says, and give back the best `n`. Not for streams; not with `stop`, nor with what draws tokens. By default what the folder of an encoder-decoder says (`num_beams`), unless `temperature` is above 0; false for all others.',
    }),
  ),
  length_penalty: nullable(
    Type.Number({
      minimum: -100,
      maximum: 100,
      default: 1,
      description:
        "The log-probabilities of hypotheses are divided by their length to the power of this: above 0, longer texts gain by it. Only with beam search; by default what a model's folder says.",
    }),
  ),
  early_stopping: nullable(
    Type.Union([Type.Boolean(), Type.Literal('never')], {
      default: false,
      description:
        "As in transformers: true ends the search as soon as there are as many whole texts as hypotheses; false, when none that is still written would be better as it is; `never`, when none could become better. Only with beam search; by default what a model's folder says.",
    }),
  ),
};
