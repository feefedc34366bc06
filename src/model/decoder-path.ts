/** How a decoder is run. */
export interface DecoderPath {
  /**
   * `built`: a graph that Kvasir wrote from the weights, with a cache filled in place. `in-place`: a ready-made graph that does the same.
   * `growing`: a ready-made graph whose past and present are copied at every step.
   */
  readonly kind: 'built' | 'in-place' | 'growing';
  /** Why, for people. */
  readonly reason: string;
}
