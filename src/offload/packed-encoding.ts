import type { Encoding, TokenOrigin } from '#text/types.js';

/**
 * An encoding as it goes between threads: lists of objects take a microsecond for each to copy, typed arrays
 * next to nothing.
 */
export interface PackedEncoding {
  readonly ids: Int32Array;
  readonly typeIds: Uint8Array;
  /** Of each token which text it is of, or -1, and where it begins and ends there. */
  readonly origins: Int32Array;
}

export function packEncoding({ ids, typeIds, origins }: Encoding): PackedEncoding {
  return {
    ids: Int32Array.from(ids),
    typeIds: Uint8Array.from(typeIds),
    origins: Int32Array.from(
      origins.flatMap(origin => (origin ? [origin.text, origin.start, origin.end] : [-1, 0, 0])),
    ),
  };
}

export function unpackEncoding({ ids, typeIds, origins }: PackedEncoding): Encoding {
  return {
    ids: Array.from(ids),
    typeIds: Array.from(typeIds),
    origins: Array.from(ids, (_, i): TokenOrigin | undefined => {
      const [text, start, end] = origins.subarray(3 * i, 3 * i + 3);
      return text! < 0 ? undefined : { text: text as 0 | 1, start: start!, end: end! };
    }),
  };
}

export function isEncoding(value: unknown): value is Encoding {
  return typeof value === 'object' && value !== null && 'origins' in value && Array.isArray(value.origins);
}

export function isPackedEncoding(value: unknown): value is PackedEncoding {
  return (
    typeof value === 'object' && value !== null && 'origins' in value && value.origins instanceof Int32Array
  );
}
