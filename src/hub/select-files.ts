import { KvasirError } from '#errors.js';
import { chooseGguf } from '#gguf/choose.js';
import type { Precision } from '#graph/precision.js';
import { chooseGraphs, chooseSeq2SeqGraphs, chooseTowerGraphs } from '#model/graph-files.js';
import type { WeightsFormat } from '#model/weights-format.js';

/** Choice among a repository's files if it has several of a kind. */
export interface Selection {
  /** Undefined: safetensors if there are any, else files of PyTorch, else ONNX, else a GGUF file. */
  readonly format?: WeightsFormat | undefined;
  /** Choice among several ONNX graphs; undefined: the most exact one. */
  readonly precision?: Precision | undefined;
  /** Take a GGUF file: this one of several. */
  readonly gguf?: string | undefined;
}

const SAFETENSORS = 'model.safetensors';
const TORCH = 'pytorch_model.bin';
/** Weights and the index of their shards, in the order in which they are taken. */
const WEIGHTS: readonly (readonly [file: string, index: string])[] = [
  [SAFETENSORS, 'model.safetensors.index.json'],
  [TORCH, 'pytorch_model.bin.index.json'],
];

/** A folder of one of sentence-transformers' modules, which may hold the encoder itself. */
const MODULE = /^\d+_\w+\//;

/**
 * Files that describe a model: its shape, tokenizer, chat template, sampling defaults, what is done to pictures
 * and sound, and a sentence embedder's pooling; in its folder, or in that of a module.
 */
const DESCRIPTIONS = [
  /^(config|generation_config|genai_config|modules|config_sentence_transformers)\.json$/,
  /^(preprocessor|processor)_config\.json$/,
  /^sentence_(bert|roberta|distilbert|camembert|albert|xlm-roberta|xlnet)_config\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens)\.json$/,
  /^chat_template\.(jinja|json)$/,
  // What ColBERT's own code says of queries and documents.
  /^artifact\.metadata$/,
  // The layers of BGE-M3, which tell what the model can do.
  /^(colbert|sparse)_linear\.(pt|safetensors)$/,
  /^additional_chat_templates\/[^/]+\.jinja$/,
];

/** What a tokenizer is made of where there is no tokenizer.json: SentencePiece models, lists of tokens. */
const VOCABULARIES = [
  /^((source|target)\.spm|vocab\.(json|txt))$/,
  /^(sentencepiece\.bpe|spiece|tokenizer)\.model$/,
];

/**
 * Selects the files of a repository that are needed to build or serve its model: never the same weights
 * twice.
 *
 * @param names all files, with `/` between folders.
 * @param shards the files that {@link neededIndex} names, if there is one.
 * @throws KvasirError `unsupported_model` where there are no weights of a known format; `invalid_model` where
 * a shard is missing
 */
export function selectFiles(
  names: readonly string[],
  selection: Selection,
  shards: readonly string[] = [],
): string[] {
  const ggufs = selectGguf(names, selection);
  return ggufs.length > 0 ? [...ggufs] : [...selectDescription(names), ...weights(names, selection, shards)];
}

/** Of all files of a repository, those that describe its model: what it is, without its weights. */
export function selectDescription(names: readonly string[]): string[] {
  return names.filter(name => {
    const [folder = ''] = MODULE.exec(name) ?? [];
    const own = name.slice(folder.length);
    if (folder !== '' && own === SAFETENSORS) return true;
    if (folder !== '' && own === TORCH && !names.includes(folder + SAFETENSORS)) return true;
    const patterns = names.includes(`${folder}tokenizer.json`)
      ? DESCRIPTIONS
      : [...DESCRIPTIONS, ...VOCABULARIES];
    return patterns.some(pattern => pattern.test(own));
  });
}

/** The index whose shards {@link selectFiles} has to be told; undefined where it needs none. */
export function neededIndex(names: readonly string[], { format, gguf }: Selection): string | undefined {
  if (gguf !== undefined || format === 'onnx') return undefined;
  const [file, index] = WEIGHTS.find(kind => kind.some(name => names.includes(name))) ?? [];
  return file !== undefined && !names.includes(file) ? index : undefined;
}

/** A GGUF file, whole or split, which needs no other: one that is asked for, or where there are no other weights. */
function selectGguf(names: readonly string[], { format, gguf }: Selection): readonly string[] {
  const hasOthers = names.some(name => /\.(safetensors|onnx)$|^pytorch_model\.bin/.test(name));
  if (gguf === undefined && (format !== undefined || hasOthers)) return [];
  return chooseGguf(names, gguf, 'the repository', (_, quantization) => `owner/name:${quantization}`);
}

function weights(names: readonly string[], selection: Selection, shards: readonly string[]): string[] {
  const { format, precision } = selection;
  const found = WEIGHTS.flat().find(name => names.includes(name));
  if (format !== 'onnx' && found !== undefined)
    return found.endsWith('.json') ? [found, ...requireShards(names, found, shards)] : [found];
  const graphs = format === 'safetensors' ? [] : chosenGraphs(names, precision);
  // They came with the description.
  const areInModule =
    names.includes('modules.json') &&
    names.some(name => /^0_\w+\/(model\.safetensors|pytorch_model\.bin)$/.test(name));
  if (graphs.length === 0 && areInModule) return [];
  if (graphs.length === 0) throw new KvasirError('unsupported_model', missingWeights(names, selection));
  return graphs.flatMap(graph => [graph, ...names.filter(name => isDataOf(graph, name))]);
}

/**
 * A decoder whose encoder is beside it is of no use without it; two towers that stand apart do without the graph of
 * both.
 */
function chosenGraphs(names: readonly string[], precision: Precision | undefined): readonly string[] {
  const several = [chooseSeq2SeqGraphs, chooseTowerGraphs].map(choose => choose(names, precision));
  return several.find(graphs => graphs.length > 0) ?? chooseGraphs(names, precision);
}

function missingWeights(names: readonly string[], { format, precision }: Selection): string {
  const kinds = format ?? 'safetensors and no ONNX';
  const exact = precision === undefined ? '' : ` of precision ${precision}`;
  const folders = new Set(
    names.filter(name => /\/(genai_config\.json|[^/]+\.onnx)$/.test(name)).map(folderOf),
  );
  const hint = folders.size === 0 ? '' : `; choose one of its folders: ${[...folders].join(', ')}`;
  return `there are no ${kinds} weights${exact}${hint}`;
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

function requireShards(
  names: readonly string[],
  index: string,
  shards: readonly string[],
): readonly string[] {
  const missing = shards.filter(shard => !names.includes(shard));
  if (shards.length === 0 || missing.length > 0)
    throw new KvasirError(
      'invalid_model',
      `${index} names ${missing.length === 0 ? 'no files' : `files that the repository does not have: ${missing.join(', ')}`}`,
    );
  return shards;
}

/**
 * True for a graph's external data, which is named after it: `model.onnx_data`, `model.onnx_data_1`,
 * `model.onnx.data`.
 */
function isDataOf(graph: string, name: string): boolean {
  return name.startsWith(graph) && /^[._]data(_\d+)?$/.test(name.slice(graph.length));
}
