import { resolve } from 'node:path';
import { TEXTS } from '#offload/pools.js';
import { TextService } from '#offload/text-service.js';
import type { Tokenizer } from '#text/types.js';

/** The texts of a model whose tokenizer was loaded from a folder. */
export function textService(tokenizer: Tokenizer, folder: string): TextService {
  return new TextService(tokenizer, {
    pool: TEXTS,
    folder: resolve(folder),
    alwaysRemote: tokenizer.mayExplode ?? false,
  });
}
