/** Decodes the packets of one stream, in order. */
export interface PacketDecoder {
  /** Samples a second. */
  readonly rate: number;
  /** Samples at the beginning of what comes out that are no part of the sound. */
  readonly delay: number;
  /**
   * The sound of one packet, of one channel; may be empty. A damaged packet is silent.
   *
   * @throws AudioFailure
   */
  decode(packet: Uint8Array): Float32Array;
  /** To be called once, in the end. */
  free(): void;
}
