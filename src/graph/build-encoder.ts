import { createHash } from 'node:crypto';
import path from 'node:path';
import type { EncoderArchitecture, EncoderSizes } from './assembly/encoder-architecture.js';
import type { Head, ListedRows } from './assembly/heads/head.js';
import { encoderHead, type HeadOptions } from './assembly/heads/index.js';
import { tokenHeads } from './assembly/heads/token-heads.js';
import { writtenContext, type WrittenContext } from './assembly/written-context.js';
import { PackedBatch } from './blocks/packed-batch.js';
import type { BuildOptions } from './build.js';
import { buildOnce } from './build-cache.js';
import type { ModelConfig } from './config.js';
import { fieldWarnings } from './config-fields/field-warnings.js';
import { refuseUnwritten } from './config-fields/unwritten.js';
import { encoderFormat, type EncoderPrecision } from './encoder-graph.js';
import { encoderArchitecture, isEncoderType } from './families/index.js';
import { ModelGraph } from './model-graph.js';
import { DataType } from './onnx/graph-builder.js';
import { readEncoderConfig, type SentenceModules } from './sentence-modules.js';
import { refuseQuantized } from './quantized-checkpoint.js';
import { weightBits } from './quantization/per-channel.js';
import { Checkpoint, openWeightsFile, weightFiles } from './weights/checkpoint.js';
import { predictsFurtherTokens, sortLeftovers, type Leftovers } from './weights/leftovers.js';
import { bodyOf, ModelWeights } from './weights/model-weights.js';

/** The output of an embedder's graph with the vectors that are pooled. */
export const TOKEN_EMBEDDINGS = 'token_embeddings';

/** A build of an encoder's folder. */
export interface EncoderPlan extends HeadOptions {
  readonly precision: EncoderPrecision;
  /** Longest text that will be run, in tokens; by default the model's own. */
  readonly contextLength?: number | undefined;
  /** As for decoders. */
  readonly onProgress?: BuildOptions['onProgress'];
  readonly onDamaged?: BuildOptions['onDamaged'];
}

/**
 * A graph on disk, ready to load. Its inputs are those of `PackedBatch`, its output is `output`,
 * `[rows, width]`; an embedder's has the hidden states as {@link TOKEN_EMBEDDINGS} as well, of all tokens, or of
 * the listed ones, and where it has {@link tokenHeads} what they give in their place.
 */
export interface BuiltEncoder {
  readonly graphPath: string;
  readonly sizes: EncoderSizes;
  /** Width of a result row. */
  readonly width: number;
  /** Width of a row of {@link TOKEN_EMBEDDINGS}, where there is such an output. */
  readonly tokenWidth: number | undefined;
  readonly listed: ListedRows;
}

/**
 * The ONNX graph of an encoder in the Hugging Face or sentence-transformers layout. Built on the first call,
 * and again when one of the files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`
 */
export async function buildEncoder(folder: string, plan: EncoderPlan): Promise<BuiltEncoder> {
  const { task, modules, onProgress, onDamaged } = plan;
  const design = await designEncoder(folder, plan);
  const { sizes, head, variant } = design;
  const weights = await weightFiles(path.join(folder, modules.encoderFolder));
  const files = [...(modules.isStatic ? [] : ['config.json']), ...weights].map(name =>
    path.join(modules.encoderFolder, name),
  );
  for (const place of moduleFolders(modules))
    files.push(...(await weightFiles(path.join(folder, place))).map(name => path.join(place, name)));
  files.push(...headFiles(modules));
  const build = await buildOnce({ folder, files, variant, onDamaged }, target =>
    withGraph(folder, plan, design, graph => graph.save(path.join(target, 'encoder.onnx'), onProgress)),
  );
  return {
    graphPath: path.join(build, 'encoder.onnx'),
    sizes,
    width: head.width,
    tokenWidth: task === 'embedding' ? tokenWidth(sizes, modules) : undefined,
    listed: head.listed,
  };
}

/**
 * Checks an encoder's folder as far as a build would without reading the weights' elements, as `checkDecoder`
 * does.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function checkEncoder(folder: string, plan: EncoderPlan): Promise<Leftovers> {
  return withGraph(folder, plan, await designEncoder(folder, plan), async () => undefined);
}

/** Width of what an embedder tells of a token. */
function tokenWidth({ hiddenSize }: EncoderSizes, { tokenHeads: heads }: SentenceModules): number {
  return heads === undefined ? hiddenSize : 1 + heads.dimension;
}

/** True if tokens are added to queries that the others do not see. */
function hasUnseen({ multiVector }: SentenceModules): boolean {
  return multiVector?.expansion?.isSeen === false;
}

/** Folders of the modules behind the pooling that have weights. */
function moduleFolders({ layers }: SentenceModules): string[] {
  return layers.flatMap(layer => (layer.kind === 'normalize' ? [] : [layer.folder]));
}

/** Files of the layers on single tokens. */
function headFiles({ encoderFolder, tokenHeads }: SentenceModules): string[] {
  if (tokenHeads === undefined) return [];
  return [tokenHeads.weightFile, tokenHeads.vectorFile].map(file => path.join(encoderFolder, file));
}

/** All that an encoder's graph depends on but the weights. */
interface Design {
  readonly architecture: EncoderArchitecture;
  readonly config: ModelConfig;
  readonly sizes: EncoderSizes;
  readonly written: WrittenContext;
  readonly head: Head;
  readonly variant: string;
}

async function designEncoder(folder: string, plan: EncoderPlan): Promise<Design> {
  const { task, modules, labels, precision, contextLength = Infinity } = plan;
  const read = await readEncoderConfig(folder, modules);
  const architecture = encoderArchitecture(read);
  const { defaults } = architecture;
  const config = defaults === undefined ? read : read.withDefaults(defaults);
  refuseQuantized(config);
  if (hasUnseen(modules) && !isEncoderType(config))
    config.unsupported(
      'queries are made longer by tokens that none may see, which takes attention both ways',
    );
  refuseUnwritten(config);
  const sizes = architecture.sizes(config);
  const written = writtenContext(config, sizes.contextLength, contextLength);
  // Pooling and labels are read from files that are no weights; what they say is part of the name.
  const details = createHash('sha256')
    .update(JSON.stringify([modules, labels, ...(task === 'embedding' ? [TOKEN_EMBEDDINGS] : [])]))
    .digest('hex')
    .slice(0, 8);
  const numbers = precision === 'int8' ? `int8-w${weightBits()}` : precision;
  const variant = `${task}-${numbers}${written.name}-${details}`;
  return { architecture, config, sizes, written, head: encoderHead(architecture, config, plan), variant };
}

/** Composes the graph, whose weights can be read as long as `use` takes. */
async function withGraph(
  folder: string,
  { task, modules, precision }: EncoderPlan,
  { architecture, config, sizes, written: { contextLength }, head }: Design,
  use: (graph: ModelGraph) => Promise<void>,
): Promise<Leftovers> {
  const checkpoints: Checkpoint[] = [];
  const open = async (opened: Promise<Checkpoint>): Promise<ModelWeights> => {
    const checkpoint = await opened;
    checkpoints.push(checkpoint);
    return new ModelWeights(checkpoint);
  };
  const openFolder = (place: string): Promise<ModelWeights> =>
    open(Checkpoint.open(path.join(folder, place)));
  try {
    const graph = new ModelGraph(encoderFormat(precision));
    const batch = new PackedBatch(graph, head.listed === undefined ? 'all' : 'listed', hasUnseen(modules));
    const stored = await openFolder(modules.encoderFolder);
    const weights = architecture.named?.(stored) ?? stored;
    const behind = new Map<string, ModelWeights>();
    for (const place of moduleFolders(modules))
      behind.set(place, place === modules.encoderFolder ? stored : await openFolder(place));
    for (const file of headFiles(modules))
      behind.set(
        path.basename(file),
        await open(openWeightsFile(path.join(folder, file)).then(store => Checkpoint.of(store))),
      );
    const { bodyName, embedding } = architecture;
    const source = {
      graph,
      config,
      sizes: { ...sizes, contextLength },
      batch,
      weights,
      modules: behind,
      body: bodyOf(weights, bodyName, embedding),
      embedding,
    };
    const { hidden, logitsOf } = head.readsVocabulary
      ? architecture.withVocabulary!(source)
      : { hidden: architecture.hiddenStates(source), logitsOf: undefined };
    const value = head.write(source, hidden, logitsOf);
    graph.node({ op: 'Identity', inputs: [value], name: 'output' });
    graph.output('output', DataType.FLOAT, ['outputs', head.width]);
    if (task === 'embedding') {
      const heads = modules.tokenHeads;
      const vectors = heads === undefined ? hidden : tokenHeads(source, hidden, heads);
      graph.node({ op: 'Identity', inputs: [vectors], name: TOKEN_EMBEDDINGS });
      graph.output(TOKEN_EMBEDDINGS, DataType.FLOAT, ['rows', tokenWidth(sizes, modules)]);
    }
    await use(graph);
    return sortLeftovers(
      checkpoints.flatMap(({ unused }) => unused),
      fieldWarnings(config),
      predictsFurtherTokens(config),
    );
  } finally {
    await Promise.all(checkpoints.map(checkpoint => checkpoint.close()));
  }
}
