import type { GgufType } from '#gguf/types.js';
import { float16Value } from '../half-precision.js';

/** Elements as integers, and what makes numbers of them: `scale · level - minimum`, each for its part of a row. */
export interface Levels {
  readonly levels: Int8Array;
  /** One for each part. */
  readonly scales: Float32Array;
  /** One for each part; all 0 where a type has none. */
  readonly minimums: Float32Array;
}

/** A type that stores integers with scales for parts of a row. */
export interface BlockType {
  /** Elements, and bytes, of a block. */
  readonly blockSize: number;
  readonly blockBytes: number;
  /** Elements with one scale. */
  readonly partSize: 16 | 32;
  /** The fewest of 4 and 8 bits that hold the levels, from `-2^(bits - 1)` on where there is no minimum, else from 0 on. */
  readonly bits: 4 | 8;
  readonly hasMinimum: boolean;
  /**
   * Reads one block.
   *
   * @param at the block's first byte.
   * @param element where its elements go in `into`; its parts follow from that.
   */
  readonly decode: (bytes: Uint8Array, at: number, into: Levels, element: number) => void;
}

/** The four-bit codebook of IQ4_NL and IQ4_XS: steps of a normal distribution. */
const NORMAL_LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
/** Twice the values of FP4, E2M1 (OCP Microscaling Formats 1.0). */
const FP4_LEVELS = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
/** Codes that are levels, and those of which 8 is the zero. */
const PLAIN = Int8Array.from({ length: 16 }, (_, code) => code);
const MIDDLED = PLAIN.map(code => code - 8);

/**
 * The types of ggml that this reads, each as ggml's own `dequantize_row_*` has it.
 *
 * Source: https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c, `block_*` in `ggml-common.h` beside it
 */
export const BLOCK_TYPES = {
  Q4_0: {
    ...smallBlock(18, 4),
    decode(bytes, at, { levels, scales }, element) {
      scales[element >> 5] = half(bytes, at);
      halves(bytes, at + 2, levels, element, MIDDLED);
    },
  },
  Q4_1: {
    ...smallBlock(20, 4),
    hasMinimum: true,
    decode(bytes, at, { levels, scales, minimums }, element) {
      scales[element >> 5] = half(bytes, at);
      minimums[element >> 5] = -half(bytes, at + 2);
      halves(bytes, at + 4, levels, element, PLAIN);
    },
  },
  Q5_0: {
    ...smallBlock(22, 8),
    decode(bytes, at, { levels, scales }, element) {
      scales[element >> 5] = half(bytes, at);
      fifths(bytes, at + 2, levels, element, 16);
    },
  },
  Q5_1: {
    ...smallBlock(24, 8),
    hasMinimum: true,
    decode(bytes, at, { levels, scales, minimums }, element) {
      scales[element >> 5] = half(bytes, at);
      minimums[element >> 5] = -half(bytes, at + 2);
      fifths(bytes, at + 4, levels, element, 0);
    },
  },
  Q8_0: {
    ...smallBlock(34, 8),
    decode(bytes, at, { levels, scales }, element) {
      scales[element >> 5] = half(bytes, at);
      for (let i = 0; i < 32; i++) levels[element + i] = bytes[at + 2 + i]!;
    },
  },
  IQ4_NL: {
    ...smallBlock(18, 8),
    decode(bytes, at, { levels, scales }, element) {
      scales[element >> 5] = half(bytes, at);
      halves(bytes, at + 2, levels, element, NORMAL_LEVELS);
    },
  },
  MXFP4: {
    ...smallBlock(17, 8),
    decode(bytes, at, { levels, scales }, element) {
      // Levels are doubled, so scales are halved.
      scales[element >> 5] = 2 ** (bytes[at]! - 128);
      halves(bytes, at + 1, levels, element, FP4_LEVELS);
    },
  },
  Q2_K: {
    ...largeBlock(84, 16, 4),
    hasMinimum: true,
    decode(bytes, at, { levels, scales, minimums }, element) {
      const [scale, minimum] = [half(bytes, at + 80), half(bytes, at + 82)];
      for (let part = 0; part < 16; part++) {
        scales[(element >> 4) + part] = scale * (bytes[at + part]! & 15);
        minimums[(element >> 4) + part] = minimum * (bytes[at + part]! >> 4);
      }
      quarters(bytes, at + 16, (place, code) => (levels[element + place] = code));
    },
  },
  Q3_K: {
    ...largeBlock(110, 16, 4),
    decode(bytes, at, { levels, scales }, element) {
      const scale = half(bytes, at + 108);
      for (let part = 0; part < 16; part++)
        scales[(element >> 4) + part] = scale * (sixBits(bytes, at + 96, part) - 32);
      quarters(bytes, at + 32, (place, code) => {
        const high = (bytes[at + (place & 31)]! >> (place >> 5)) & 1;
        levels[element + place] = code + 4 * high - 4;
      });
    },
  },
  Q4_K: {
    ...largeBlock(144, 32, 4),
    hasMinimum: true,
    decode(bytes, at, into, element) {
      scalesAndMinimums(bytes, at, into, element >> 5);
      const { levels } = into;
      for (let pair = 0; pair < 4; pair++)
        for (let i = 0; i < 32; i++) {
          const byte = bytes[at + 16 + 32 * pair + i]!;
          levels[element + 64 * pair + i] = byte & 15;
          levels[element + 64 * pair + 32 + i] = byte >> 4;
        }
    },
  },
  Q5_K: {
    ...largeBlock(176, 32, 8),
    hasMinimum: true,
    decode(bytes, at, into, element) {
      scalesAndMinimums(bytes, at, into, element >> 5);
      const { levels } = into;
      for (let pair = 0; pair < 4; pair++)
        for (let i = 0; i < 32; i++) {
          const byte = bytes[at + 48 + 32 * pair + i]!;
          const high = bytes[at + 16 + i]! >> (2 * pair);
          levels[element + 64 * pair + i] = (byte & 15) | ((high & 1) << 4);
          levels[element + 64 * pair + 32 + i] = (byte >> 4) | ((high & 2) << 3);
        }
    },
  },
  Q6_K: {
    ...largeBlock(210, 16, 8),
    decode(bytes, at, { levels, scales }, element) {
      const scale = half(bytes, at + 208);
      for (let part = 0; part < 16; part++)
        scales[(element >> 4) + part] = scale * ((bytes[at + 192 + part]! << 24) >> 24);
      for (let side = 0; side < 2; side++)
        for (let i = 0; i < 32; i++) {
          const [first, second] = [bytes[at + 64 * side + i]!, bytes[at + 64 * side + 32 + i]!];
          const high = bytes[at + 128 + 32 * side + i]!;
          const place = element + 128 * side + i;
          levels[place] = ((first & 15) | ((high & 3) << 4)) - 32;
          levels[place + 32] = ((second & 15) | ((high & 12) << 2)) - 32;
          levels[place + 64] = ((first >> 4) | (high & 48)) - 32;
          levels[place + 96] = ((second >> 4) | ((high & 192) >> 2)) - 32;
        }
    },
  },
  IQ4_XS: {
    ...largeBlock(136, 32, 8),
    decode(bytes, at, { levels, scales }, element) {
      const scale = half(bytes, at);
      const high = bytes[at + 2]! | (bytes[at + 3]! << 8);
      for (let part = 0; part < 8; part++) {
        const low = (bytes[at + 4 + (part >> 1)]! >> (4 * (part % 2))) & 15;
        scales[(element >> 5) + part] = scale * ((low | (((high >> (2 * part)) & 3) << 4)) - 32);
        halves(bytes, at + 8 + 16 * part, levels, element + 32 * part, NORMAL_LEVELS);
      }
    },
  },
} as const satisfies Partial<Record<GgufType, BlockType>>;

/** The types whose elements are integers with scales. */
export type BlockTypeName = keyof typeof BLOCK_TYPES;

/** True for a type that is read in blocks. */
export function isBlockType(type: GgufType): type is BlockTypeName {
  return Object.hasOwn(BLOCK_TYPES, type);
}

/** Reads whole blocks, one after another. */
export function decodeBlocks(type: BlockType, bytes: Uint8Array): Levels {
  const { blockSize, blockBytes, partSize, decode } = type;
  const blocks = bytes.length / blockBytes;
  const parts = (blocks * blockSize) / partSize;
  const into = {
    levels: new Int8Array(blocks * blockSize),
    scales: new Float32Array(parts),
    minimums: new Float32Array(parts),
  };
  for (let block = 0; block < blocks; block++) decode(bytes, block * blockBytes, into, block * blockSize);
  return into;
}

function smallBlock(blockBytes: number, bits: 4 | 8): Omit<BlockType, 'decode'> {
  return { blockSize: 32, blockBytes, partSize: 32, bits, hasMinimum: false };
}

function largeBlock(blockBytes: number, partSize: 16 | 32, bits: 4 | 8): Omit<BlockType, 'decode'> {
  return { blockSize: 256, blockBytes, partSize, bits, hasMinimum: false };
}

function half(bytes: Uint8Array, at: number): number {
  return float16Value(bytes[at]! | (bytes[at + 1]! << 8));
}

/**
 * 32 elements in the halves of 16 bytes: first all lower ones.
 *
 * @param levelOf the level of each code.
 */
function halves(bytes: Uint8Array, at: number, levels: Int8Array, element: number, levelOf: Int8Array): void {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + i]!;
    levels[element + i] = levelOf[byte & 15]!;
    levels[element + 16 + i] = levelOf[byte >> 4]!;
  }
}

/** The same with a fifth bit for each element, in four bytes that stand before. */
function fifths(bytes: Uint8Array, at: number, levels: Int8Array, element: number, zero: number): void {
  const high = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 4 + i]!;
    levels[element + i] = ((byte & 15) | (((high >>> i) & 1) << 4)) - zero;
    levels[element + 16 + i] = ((byte >> 4) | (((high >>> (16 + i)) & 1) << 4)) - zero;
  }
}

/** 256 elements of two bits in 64 bytes: of each half of them, the lowest bits of 32 bytes first. */
function quarters(bytes: Uint8Array, at: number, store: (place: number, code: number) => void): void {
  for (let place = 0; place < 256; place++) {
    const byte = bytes[at + 32 * (place >> 7) + (place & 31)]!;
    store(place, (byte >> (2 * ((place >> 5) & 3))) & 3);
  }
}

/** One of the 16 scales of Q3_K: four bits of it in eight bytes, two in another four. */
function sixBits(bytes: Uint8Array, at: number, part: number): number {
  const low = (bytes[at + (part & 7)]! >> (4 * (part >> 3))) & 15;
  return low | (((bytes[at + 8 + (part & 3)]! >> (2 * (part >> 2))) & 3) << 4);
}

/** The scales and minimums of Q4_K and Q5_K: six bits of each of eight in twelve bytes, behind two halves. */
function scalesAndMinimums(
  bytes: Uint8Array,
  at: number,
  { scales, minimums }: Levels,
  firstPart: number,
): void {
  const [scale, minimum] = [half(bytes, at), half(bytes, at + 2)];
  const packed = (i: number): number => bytes[at + 4 + i]!;
  for (let part = 0; part < 8; part++) {
    const isLow = part < 4;
    const ofScale = isLow ? packed(part) & 63 : (packed(part + 4) & 15) | ((packed(part - 4) >> 6) << 4);
    const ofMinimum = isLow ? packed(part + 4) & 63 : (packed(part + 4) >> 4) | ((packed(part) >> 6) << 4);
    scales[firstPart + part] = scale * ofScale;
    minimums[firstPart + part] = minimum * ofMinimum;
  }
}
