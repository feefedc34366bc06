/** Bytes of JSON, a little less than a server takes by default, so that other fields have place. */
export const BODY_LIMIT = 4 * 2 ** 20 - 8192;

/** Texts of different kinds, of about so many bytes in JSON. */
export const TEXTS: Readonly<Record<string, (bytes: number) => string>> = {
  words: bytes => 'hello world '.repeat(bytes / 12),
  'one letter': bytes => 'a'.repeat(bytes),
  ideographs: bytes => '的'.repeat(bytes / 3),
  emoji: bytes => '🦊'.repeat(bytes / 4),
  spaces: bytes => ' '.repeat(bytes),
  points: bytes => 'a.'.repeat(bytes / 2),
  lines: bytes => 'x\n'.repeat(bytes / 3),
  digits: bytes => '1234567890'.repeat(bytes / 10),
  marks: bytes => 'a\u0301\u0327'.repeat(bytes / 5),
  ligatures: bytes => '\ufdfa'.repeat(bytes / 3),
};

/** A value within a value, so many levels deep. */
export const nested = (depth: number, open: string, inner: string, close: string): string =>
  open.repeat(depth) + inner + close.repeat(depth);

export const list = <T>(length: number, of: (index: number) => T): T[] =>
  Array.from({ length }, (_, i) => of(i));
