import type { Caller } from '#caller.js';
import type { EncoderInput, EncoderOutput } from '#model/encoder/contract.js';
import type { PixelInput } from '#model/vision/contract.js';

/** What a model reads in one go: a text, or a picture. */
export type OneShotInput = EncoderInput | PixelInput;

/**
 * What a front end needs of a served encoder of texts, of pictures, or of both: any number of requests at
 * once, merged into batches by tokens.
 */
export interface EncoderService {
  /**
   * Results in the order of the inputs, which may be split over several batches and share them with other requests.
   *
   * @param caller whose share of the batches they take; aborting its signal takes back what has not run yet.
   * @throws KvasirError `invalid_request`, `context_length_exceeded`, `queue_full`, `shutting_down`, `cancelled`, `runtime_failure`,
   * `broken_model`
   */
  encode(inputs: readonly OneShotInput[], caller?: Partial<Caller>): Promise<EncoderOutput[]>;
  /**
   * Takes places in the waiting line for inputs that are yet to be made of texts or pictures, so that
   * none is read in vain.
   *
   * @returns gives them back, once: before {@link encode}, or where it does not come to that.
   * @throws KvasirError `queue_full`, `shutting_down`
   */
  reserve(count: number, client?: string): () => void;
  /** Counts since the start, and of this moment. */
  stats(): EncoderStats;
  /** Refuses new requests, ends the waiting ones with `shutting_down`, and frees the model. */
  close(): Promise<void>;
}

export interface EncoderStats {
  /** Inputs that wait for a batch. */
  readonly waiting: number;
  /** Inputs in the batch under way. */
  readonly running: number;
  readonly batches: number;
  /** Tokens of inputs that ran; of a picture, its patches and what the model puts beside them. */
  readonly tokens: number;
  /** Tokens that would have made all inputs as long as the longest of their batch. Kvasir's own graphs pad so in attention only. */
  readonly padding: number;
}
