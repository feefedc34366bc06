/** Scale and zero point of a block. */
export interface BlockParameters {
  scale: number;
  /** An integer among the codes. */
  zeroPoint: number;
}

/**
 * Chooses how a block is quantized.
 *
 * @param values the block's weights.
 * @param codes how many codes there are: 16 or 256.
 * @param parameters is overwritten with the choice.
 */
export type ChooseParameters = (values: Float32Array, codes: number, parameters: BlockParameters) => void;
