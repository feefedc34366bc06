import type { ModelConfig } from '#graph/config.js';
import type { TextPreparation } from '#graph/assembly/towers/architecture.js';
import type { Encoder, EncoderInput, EncoderOutput, EncoderTask } from '../encoder/contract.js';

/**
 * A text as long as a tower takes it: what is too much goes, but for the last token, which ends every text
 * (`truncation=True` of CLIP's and SigLIP's tokenizers).
 *
 * @param ids with special tokens.
 * @param longest tokens, at least 1.
 */
export function cutText(ids: readonly number[], longest: number): readonly number[] {
  return ids.length <= longest ? ids : [...ids.slice(0, longest - 1), ids.at(-1)!];
}

/** Makes of a text's tokens those that its tower reads, of which the last one stands for the text. */
export type PrepareText = (ids: readonly number[]) => readonly number[];

/**
 * How a tower's texts are prepared.
 *
 * @param config `text_config`
 * @param longest text, in tokens.
 * @param paddingId what stands behind a text that is too short.
 */
export function textPreparation(
  preparation: TextPreparation,
  config: ModelConfig,
  longest: number,
  paddingId: number,
): PrepareText {
  if (preparation === 'filled')
    return ids => [...ids, ...new Array<number>(longest - ids.length).fill(paddingId)];
  const end = config.count('eos_token_id');
  return ids => ids.slice(0, endOfText(ids, end) + 1);
}

/** The end that older checkpoints name in config.json, though their texts end with the largest id. */
const MISNAMED_END = 2;

/**
 * Place of the token that stands for a text in CLIP, as transformers has it: the first end, or, where config.json
 * names {@link MISNAMED_END}, the first of the largest ids. A text without an end has its first token.
 */
export function endOfText(ids: readonly number[], end: number): number {
  if (end === MISNAMED_END) return ids.indexOf(ids.reduce((largest, id) => Math.max(largest, id)));
  return Math.max(0, ids.indexOf(end));
}

/** A tower that reads: prepares texts for an encoder whose last token stands for its text. */
export class TextTowerEncoder implements Encoder {
  readonly task: EncoderTask = 'embedding';
  readonly contextLength: number;
  readonly width: number;
  readonly vocabularySize: number;
  readonly segments: number;
  readonly #inner: Encoder;
  readonly #prepare: PrepareText;

  constructor(inner: Encoder, prepare: PrepareText) {
    this.contextLength = inner.contextLength;
    this.width = inner.width;
    this.vocabularySize = inner.vocabularySize;
    this.segments = inner.segments;
    this.#inner = inner;
    this.#prepare = prepare;
  }

  async run(inputs: readonly EncoderInput[]): Promise<EncoderOutput[]> {
    return this.#inner.run(inputs.map(({ ids }) => ({ ids: this.#prepare(ids) })));
  }

  abort(): void {
    this.#inner.abort();
  }

  dispose(): void {
    this.#inner.dispose();
  }
}
