import { invalidRequest } from '#errors.js';
import type { Caller } from '#caller.js';
import type { EncoderModel } from '#registry/types.js';
import type { OneShotModel } from '#registry/vision-types.js';
import { normalize, shorten } from '#results/vectors.js';
import type { InputSource } from '../pictures/picture-source.js';
import { withPlaces } from './inputs.js';
import { readInputs } from './read-inputs.js';
import { promptOf, taskOf, withPrompt, type PromptFields } from './prompt.js';
import type { InputLimit } from '#text/inputs.js';

export interface EmbeddingOptions {
  readonly limit: InputLimit;
  /** Keep only so many components; undefined: all. */
  readonly dimensions: number | undefined;
  /**
   * Scale vectors to a length of 1; undefined: so it is, but for those that the model's own settings cut
   * afterwards.
   */
  readonly normalize: boolean | undefined;
  /** What to put in front of the texts; by default what the model says. */
  readonly prompt?: PromptFields;
}

export interface Embeddings {
  /** In the order of the sources. */
  readonly vectors: Float32Array[];
  /** Of all sources together. */
  readonly tokens: number;
}

/**
 * @param model an embedder of texts, of pictures, or of both, as there are.
 * @throws KvasirError as `readInputs` and the encoder; `invalid_request` for more dimensions than the model has
 */
export async function embed(
  model: OneShotModel,
  sources: readonly InputSource[],
  { limit, dimensions, normalize: unit, prompt }: EmbeddingOptions,
  caller: Caller,
): Promise<Embeddings> {
  const width = 'width' in model ? model.width : model.vision.width;
  if (dimensions !== undefined && dimensions > width) {
    throw invalidRequest('dimensions', `dimensions must be <= ${width}, the width of the model's embeddings`);
  }
  const task = taskOf('texts' in model ? model : {}, prompt);
  const prompted = withPrompt('texts' in model ? model : {}, sources, prompt);
  const { inputs, tokens } = await withPlaces(model, sources.length, caller, async () => {
    const read = await readInputs(model, prompted, limit, caller);
    const unpooled = 'texts' in model ? await unpooledTokens(model, prompt, limit, caller) : 0;
    if (unpooled === 0 && task === 0) return read;
    return {
      ...read,
      inputs: read.inputs.map((input, i) => {
        if (!('ids' in input)) return input;
        return { ...input, task, ...('text' in sources[i]! && { unpooled }) };
      }),
    };
  });
  const outputs = await model.encoder.encode(inputs, caller);
  const truncateDim = 'sentences' in model ? model.sentences.truncateDim : undefined;
  const vectors = outputs.map(({ values }) => {
    if (dimensions === undefined && truncateDim !== undefined && unit === undefined)
      return shorten(normalize(values), truncateDim);
    const vector = shorten(values, dimensions ?? truncateDim ?? values.length);
    return (unit ?? true) ? normalize(vector) : vector;
  });
  return { vectors, tokens };
}

/**
 * Tokens at the beginning of each text that have no share in its vector: those of the prompt, for models that
 * leave them out. As sentence-transformers counts them: the prompt's own, without a special token behind it.
 *
 * @throws KvasirError `invalid_request` where texts are to lose their beginning
 */
async function unpooledTokens(
  model: EncoderModel,
  fields: PromptFields | undefined,
  limit: InputLimit,
  caller: Caller,
): Promise<number> {
  const prompt = promptOf(model, fields);
  if (model.sentences.poolsPrompt || prompt === '') return 0;
  if (limit.cut === 'left')
    throw invalidRequest(
      'truncation_direction',
      'texts cannot be cut on the left: the model leaves the tokens of prompts out of its vectors, and they stand there',
    );
  const source = { param: 'prompt', text: prompt };
  const [encoded] = await model.texts.map('encodeInput', [source], limit, caller, 'prompt');
  const { ids } = encoded!;
  return model.tokenizer.specialIds.has(ids.at(-1)!) ? ids.length - 1 : ids.length;
}
