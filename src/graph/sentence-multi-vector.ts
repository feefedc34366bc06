import path from 'node:path';
import { readSentenceSettings } from '#sentence-settings.js';
import { ModelConfig } from './config.js';

/** How queries are made longer, so that more of their vectors can match (ColBERT, Khattab and Zaharia 2020). */
export interface QueryExpansion {
  /** Tokens of a query at least. */
  readonly length: number;
  /** Whether longer queries are cut to that length. */
  readonly isFixed: boolean;
  /** Whether the other tokens see those that are added. */
  readonly isSeen: boolean;
  /** What is added; undefined: the tokenizer's mask. */
  readonly token: string | undefined;
}

/** How a model that keeps a vector of each token reads queries and documents. */
export interface MultiVector {
  /** Longest query and document, in tokens; undefined: the model's own context. */
  readonly queryLength: number | undefined;
  readonly documentLength: number | undefined;
  readonly expansion: QueryExpansion | undefined;
  /** Words of the vocabulary whose vectors are left out, and of which texts. */
  readonly skipped: readonly string[];
  readonly skips: { readonly query: boolean; readonly document: boolean };
  /** Tokens that stand behind the first one of a query and of a document; empty: none. */
  readonly markers?: { readonly query: string; readonly document: string };
}

/**
 * Reads a MultiVectorMask module, and what the Transformer in front says of queries and documents.
 *
 * @param folder of the Transformer.
 * @param mask the module's config.json.
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function readMultiVector(folder: string, mask: ModelConfig): Promise<MultiVector> {
  const settings = await readSentenceSettings(folder);
  const config = new ModelConfig(settings?.file ?? path.join(folder, 'modules.json'), settings?.fields ?? {});
  if (mask.has('keep_only_token_ids')) mask.unsupported('keep_only_token_ids is set');
  const tasks = mask.has('skiplist_tasks') ? mask.wordOrWords('skiplist_tasks') : ['document'];
  const length = (name: string): number | undefined => (config.has(name) ? config.size(name) : undefined);
  return {
    queryLength: length('query_length'),
    documentLength: length('document_length'),
    expansion: readExpansion(config.section('query_expansion')),
    skipped: mask.strings('skiplist_words', []),
    skips: { query: tasks.includes('query'), document: tasks.includes('document') },
  };
}

function readExpansion(config: ModelConfig | undefined): QueryExpansion | undefined {
  return (
    config && {
      length: config.size('length'),
      isFixed: config.choice('strategy', ['fixed', 'min']) === 'fixed',
      isSeen: config.flag('attend', false),
      token: config.has('token') ? config.string('token') : undefined,
    }
  );
}
