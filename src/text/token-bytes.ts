import type { Tokenizer } from './types.js';

/** GPT-2's printable stand-ins for bytes, by character. */
const BYTE_LEVEL = ((): ReadonlyMap<string, number> => {
  let moved = 0x100;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => {
      const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
      return [String.fromCharCode(printable ? byte : moved++), byte];
    }),
  );
})();

const encoder = new TextEncoder();

/**
 * Turns tokens into the bytes that they add to a text, by the vocabulary's own spelling: a token may be part
 * of a character, so its text does not tell. Special tokens are spelled out.
 *
 * @returns undefined for an id that is no token.
 */
export function tokenBytes(tokenizer: Tokenizer): (id: number) => Uint8Array | undefined {
  const space = tokenizer.id('Ġ');
  if (space !== undefined && tokenizer.decode([space]) === ' ') {
    return id => {
      const spelling = tokenizer.token(id);
      if (spelling === undefined) return undefined;
      const bytes = Array.from(spelling, character => BYTE_LEVEL.get(character));
      // An added token, such as one with a space, is spelled as it is read.
      return bytes.includes(undefined) ? encoder.encode(spelling) : Uint8Array.from(bytes as number[]);
    };
  }
  const metaspace = tokenizer.id('▁') !== undefined || tokenizer.id('<0x0A>') !== undefined;
  return id => {
    const spelling = tokenizer.token(id);
    if (spelling === undefined) return undefined;
    const byte = /^<0x([\dA-F]{2})>$/.exec(spelling);
    if (byte !== null) return Uint8Array.of(parseInt(byte[1]!, 16));
    if (metaspace) return encoder.encode(spelling.replaceAll('▁', ' '));
    return encoder.encode(tokenizer.decode([id], { skipSpecialTokens: false }));
  };
}
