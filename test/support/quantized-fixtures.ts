import { fileURLToPath } from 'node:url';

/** Folders of quantized models, see `test/fixtures/make_quantized.py`. */
export const QUANTIZED_FIXTURES = fileURLToPath(
  new URL('../../../test/fixtures/quantized/', import.meta.url),
);
