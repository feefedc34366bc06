import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ModelConfig } from './config.js';
import type { SentenceLayer } from './sentence-layers.js';
import type { MultiVector } from './sentence-multi-vector.js';
import { openWeightsFile, weightFiles } from './weights/checkpoint.js';

/** What ColBERT's own code and PyLate leave out of documents, as Python's `string.punctuation` has it. */
const PUNCTUATION = [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];

/** Fields of config_sentence_transformers.json that PyLate alone writes. */
const PYLATE_FIELDS = ['query_prefix', 'document_prefix', 'do_query_expansion', 'attend_to_expansion_tokens'];

/**
 * Reads how a folder that PyLate has saved reads queries and documents (`config_sentence_transformers.json`), with the
 * defaults of PyLate's `ColBERT`.
 *
 * @returns undefined where it is none of PyLate's.
 * @throws KvasirError `invalid_model`
 */
export async function readPylate(folder: string): Promise<MultiVector | undefined> {
  const file = 'config_sentence_transformers.json';
  if (!existsSync(path.join(folder, file))) return undefined;
  const config = await ModelConfig.read(folder, file);
  const isPylates =
    config.string('model_type', '') === 'ColBERT' || PYLATE_FIELDS.some(name => config.has(name));
  if (!isPylates) return undefined;
  const queryLength = config.size('query_length', 32);
  const isSeen = config.flag('attend_to_expansion_tokens', false);
  return {
    queryLength,
    documentLength: config.size('document_length', 180),
    expansion: config.flag('do_query_expansion', true)
      ? { length: queryLength, isFixed: true, isSeen, token: undefined }
      : undefined,
    skipped: config.strings('skiplist_words', PUNCTUATION),
    skips: { query: false, document: true },
    markers: {
      query: config.string('query_prefix', '[Q] '),
      document: config.string('document_prefix', '[D] '),
    },
  };
}

/** What ColBERT's own code calls a model with its projection. */
const STANFORD = 'HF_ColBERT';

/** What a folder of ColBERT's own code makes of hidden states. */
export interface StanfordColbert {
  readonly layers: readonly SentenceLayer[];
  readonly multiVector: MultiVector;
}

/**
 * Reads a folder of ColBERT's own code (Khattab and Zaharia 2020; colbert-ai): its settings are in `artifact.metadata`, and its
 * projection among the weights.
 *
 * @returns undefined where it is none.
 * @throws KvasirError `invalid_model`; `unsupported_model` where vectors are not compared by their products
 */
export async function readStanford(folder: string): Promise<StanfordColbert | undefined> {
  const model = await ModelConfig.read(folder);
  if (!model.strings('architectures', []).includes(STANFORD)) return undefined;
  const file = 'artifact.metadata';
  const config = existsSync(path.join(folder, file))
    ? await ModelConfig.read(folder, file)
    : new ModelConfig(path.join(folder, file), {});
  config.choice('similarity', ['cosine'], 'cosine');
  config.choice('interaction', ['colbert'], 'colbert');
  const length = config.size('query_maxlen', 32);
  const [outputs, inputs] = await projectionShape(folder);
  return {
    layers: [
      { kind: 'dense', folder: '', inputs, outputs, bias: false, activation: 'linear' },
      { kind: 'normalize' },
    ],
    multiVector: {
      queryLength: length,
      documentLength: config.size('doc_maxlen', 220),
      expansion: {
        length,
        isFixed: true,
        isSeen: config.flag('attend_to_mask_tokens', false),
        token: undefined,
      },
      skipped: config.flag('mask_punctuation', true) ? PUNCTUATION : [],
      skips: { query: false, document: true },
      markers: {
        query: config.string('query_token_id', '[unused0]'),
        document: config.string('doc_token_id', '[unused1]'),
      },
    },
  };
}

async function projectionShape(folder: string): Promise<readonly [outputs: number, inputs: number]> {
  for (const name of await weightFiles(folder)) {
    if (name.endsWith('.json')) continue;
    const file = await openWeightsFile(path.join(folder, name));
    try {
      const [outputs, inputs, ...rest] = file.tensors.get('linear.weight')?.shape ?? [];
      if (outputs !== undefined && inputs !== undefined && rest.length === 0) return [outputs, inputs];
    } finally {
      await file.close();
    }
  }
  throw new KvasirError(
    'invalid_model',
    `${folder}: a ${STANFORD} without its projection, a matrix 'linear.weight'`,
  );
}
