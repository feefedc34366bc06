/** How much the parts of the benchmark do. */
export interface Options {
  /** Generated bodies. */
  readonly requests: number;
  /** Seconds of streams that are begun and left. */
  readonly seconds: number;
  /** Connections of clients that leave. */
  readonly connections: number;
  /** Of large bodies and of hostile folders, those whose path and name it matches. */
  readonly only: RegExp;
}
