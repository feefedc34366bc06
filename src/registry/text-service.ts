import { resolve } from 'node:path';
import { STRANGERS, TEXTS } from '#offload/pools.js';
import { TextService } from '#offload/text-service.js';
import type { Tokenizer } from '#text/types.js';

/** The texts of a model whose tokenizer was loaded from a folder. */
export function textService(tokenizer: Tokenizer, folder: string): TextService {
  const { mayExplode = false } = tokenizer;
  const pool = mayExplode ? STRANGERS : TEXTS;
  return new TextService(tokenizer, { pool, folder: resolve(folder), alwaysRemote: mayExplode });
}
