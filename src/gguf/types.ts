/** How a tensor's elements are stored: in blocks, each of so many elements in so many bytes. */
export interface TypeSize {
  readonly blockSize: number;
  readonly blockBytes: number;
}

/**
 * The types that ggml gives tensors, by their numbers in files. Numbers that are missing stood for types that
 * were given up.
 *
 * Source: `ggml_type` in https://github.com/ggml-org/ggml/blob/master/include/ggml.h
 */
const TYPES = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q4_1: [3, 32, 20],
  Q5_0: [6, 32, 22],
  Q5_1: [7, 32, 24],
  Q8_0: [8, 32, 34],
  Q8_1: [9, 32, 40],
  Q2_K: [10, 256, 84],
  Q3_K: [11, 256, 110],
  Q4_K: [12, 256, 144],
  Q5_K: [13, 256, 176],
  Q6_K: [14, 256, 210],
  Q8_K: [15, 256, 292],
  IQ2_XXS: [16, 256, 66],
  IQ2_XS: [17, 256, 74],
  IQ3_XXS: [18, 256, 98],
  IQ1_S: [19, 256, 50],
  IQ4_NL: [20, 32, 18],
  IQ3_S: [21, 256, 110],
  IQ2_S: [22, 256, 82],
  IQ4_XS: [23, 256, 136],
  I8: [24, 1, 1],
  I16: [25, 1, 2],
  I32: [26, 1, 4],
  I64: [27, 1, 8],
  F64: [28, 1, 8],
  IQ1_M: [29, 256, 56],
  BF16: [30, 1, 2],
  TQ1_0: [34, 256, 54],
  TQ2_0: [35, 256, 66],
  MXFP4: [39, 32, 17],
  NVFP4: [40, 64, 36],
  Q1_0: [41, 128, 18],
} as const;

/** A tensor's type by the name that ggml gives it. */
export type GgufType = keyof typeof TYPES;

const BY_NUMBER = new Map(
  Object.entries(TYPES).map(([name, [number]]): [number, GgufType] => [number, name as GgufType]),
);

/** The type that a number in a file stands for; undefined for none that is known. */
export function typeOfNumber(number: number): GgufType | undefined {
  return BY_NUMBER.get(number);
}

/** Elements and bytes of a type's blocks. */
export function sizeOfType(type: GgufType): TypeSize {
  const [, blockSize, blockBytes] = TYPES[type];
  return { blockSize, blockBytes };
}
