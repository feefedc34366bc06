import type { Caller } from '#caller.js';
import { contextLengthExceeded, invalidRequest } from '#errors.js';
import { MAX_INPUTS } from '../encoding/inputs.js';
import type { EncoderModel } from '#registry/types.js';
import { windows } from '#text/truncation.js';
import type { Encoding } from '#text/types.js';

/** Tokens that two neighbouring windows share, if there is room and nothing else is asked for. */
const DEFAULT_OVERLAP = 128;

/** A question about a text, and into what windows to cut the text, in tokens. */
export interface QuestionFields {
  readonly question: string;
  readonly context: string;
  /** Longest window, question included. */
  readonly max_seq_len?: number | null;
  /** Overlap of neighbouring windows. */
  readonly doc_stride?: number | null;
}

/** A context cut into parts that the model can read together with the question. */
export interface ContextWindows {
  /** The question and the whole context, however long. */
  readonly whole: Encoding;
  readonly windows: readonly Encoding[];
  /** Which token of the context each window begins with. */
  readonly firsts: readonly number[];
}

/** @throws KvasirError `context_length_exceeded` where the question leaves no room; `invalid_request` */
export async function contextWindows(
  { texts, contextLength }: EncoderModel,
  { question, context, max_seq_len, doc_stride }: QuestionFields,
  caller: Caller,
): Promise<ContextWindows> {
  const maxTokens = max_seq_len ?? contextLength;
  if (maxTokens > contextLength) {
    throw invalidRequest(
      'max_seq_len',
      `max_seq_len must be <= ${contextLength}, the most that the model can read`,
    );
  }
  const [encoded] = await texts.map('encodeWhole', [[question, context]], undefined, caller, 'context');
  const whole = encoded!;
  const length = contextLengthOf(whole);
  const room = maxTokens - (whole.ids.length - length);
  if (room < 1) {
    throw contextLengthExceeded(
      'question',
      `question has so many tokens that nothing of the context fits into the ${maxTokens} tokens of a window`,
      undefined,
      maxTokens,
    );
  }
  const overlap = doc_stride ?? Math.min(DEFAULT_OVERLAP, room >> 1);
  if (overlap >= room) {
    throw invalidRequest(
      'doc_stride',
      `doc_stride must be < ${room}, the tokens of the context that fit into a window`,
    );
  }
  if (Math.ceil(length / (room - overlap)) > MAX_INPUTS) {
    throw invalidRequest(
      'context',
      `context makes more than ${MAX_INPUTS} windows of ${room} tokens that share ${overlap}`,
    );
  }
  const cut = windows(whole, maxTokens, overlap);
  return { whole, windows: cut, firsts: cut.map((_, index) => index * (room - overlap)) };
}

/** How many tokens of an encoded pair are of the second text. */
function contextLengthOf({ origins }: Encoding): number {
  return origins.filter(origin => origin?.text === 1).length;
}
