/**
 * Integers of a few bits that are packed one behind the other into words of 32 bits, the lowest bits first; one may
 * begin in a word and end in the next. Words of several such streams stand side by side.
 *
 * @param words `[words, streams]`
 * @returns `[streams, count]`
 */
export function unpackStreams(words: Uint32Array, streams: number, count: number, bits: number): Uint8Array {
  const codes = new Uint8Array(streams * count);
  for (let first = 0; first < streams; first += TOGETHER)
    unpackSome(words, streams, first, Math.min(first + TOGETHER, streams), count, bits, codes);
  return codes;
}

/** Streams that are unpacked at once: words of a cache line. */
const TOGETHER = 16;

function unpackSome(
  words: Uint32Array,
  streams: number,
  first: number,
  last: number,
  count: number,
  bits: number,
  codes: Uint8Array,
): void {
  const mask = 2 ** bits - 1;
  for (let i = 0; i < count; i++) {
    const word = ((i * bits) >>> 5) * streams;
    const shift = (i * bits) & 31;
    const isCut = shift + bits > 32;
    for (let stream = first, at = first * count + i; stream < last; stream++, at += count) {
      let code = words[word + stream]! >>> shift;
      if (isCut) code |= words[word + streams + stream]! << (32 - shift);
      codes[at] = code & mask;
    }
  }
}

/**
 * The same where each stream has words of its own.
 *
 * @param words `[streams, words]`
 * @returns `[streams, count]`
 */
export function unpackRows(words: Uint32Array, streams: number, count: number, bits: number): Uint8Array {
  const codes = new Uint8Array(streams * count);
  const width = words.length / streams;
  for (let stream = 0; stream < streams; stream++)
    codes.set(
      unpackStreams(words.subarray(stream * width, (stream + 1) * width), 1, count, bits),
      stream * count,
    );
  return codes;
}

/** Words that so many integers take. */
export function wordsFor(count: number, bits: number): number {
  return Math.ceil((count * bits) / 32);
}

/** Bytes of signed integers as codes whose middle is 128. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  return bytes.map(byte => byte ^ 0x80);
}
