/** For whom work is done. */
export interface Caller {
  /** Whose share of everything scarce it takes: the name of an API key, or an address. */
  readonly client: string;
  /** Aborts when nobody waits for the result any more. */
  readonly signal: AbortSignal;
}
