/** What a decoder says of data that it cannot decode. */
export class DamagedData extends Error {
  override readonly name = 'DamagedData';
}

/**
 * Calls a decoder of another library. Those write to the console what they find wrong, and mpg123-decoder tries again,
 * for ever where the data stays wrong; here the first such word ends the call.
 *
 * @throws DamagedData
 */
export function strictly<T>(decode: () => T): T {
  const print = console.error;
  console.error = (...words: unknown[]): void => {
    throw new DamagedData(words.join(' '));
  };
  try {
    return decode();
  } catch (error) {
    // A trap of WebAssembly.
    if (error instanceof Error && error.name === 'RuntimeError') throw new DamagedData(error.message);
    throw error;
  } finally {
    console.error = print;
  }
}
