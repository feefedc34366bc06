import { createHash } from 'node:crypto';
import path from 'node:path';
import type { EncoderSizes } from './assembly/encoder-architecture.js';
import type { ListedRows } from './assembly/heads/head.js';
import { encoderHead, type HeadOptions } from './assembly/heads/index.js';
import { writtenContext } from './assembly/rope.js';
import { PackedBatch } from './blocks/packed-batch.js';
import type { BuildOptions } from './build.js';
import { buildOnce } from './build-cache.js';
import { ModelConfig } from './config.js';
import { encoderFormat, type EncoderPrecision } from './encoder-graph.js';
import { encoderArchitecture } from './families/index.js';
import { ModelGraph } from './model-graph.js';
import { DataType } from './onnx/graph-builder.js';
import { weightBits } from './quantization/per-channel.js';
import { Checkpoint, weightFiles } from './weights/checkpoint.js';
import { bodyOf, ModelWeights } from './weights/model-weights.js';

/** A build of an encoder's folder. */
export interface EncoderPlan extends HeadOptions {
  readonly precision: EncoderPrecision;
  /** Longest text that will be run, in tokens; by default the model's own. */
  readonly contextLength?: number | undefined;
  /** As for decoders. */
  readonly onProgress?: BuildOptions['onProgress'];
}

/**
 * A graph on disk, ready to load. Its inputs are those of `PackedBatch`, its output is `output`,
 * `[rows, width]`.
 */
export interface BuiltEncoder {
  readonly graphPath: string;
  readonly sizes: EncoderSizes;
  /** Width of a result row. */
  readonly width: number;
  readonly listed: ListedRows;
}

/**
 * The ONNX graph of an encoder in the Hugging Face or sentence-transformers layout. Built on the first call,
 * and again when one of the files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`
 */
export async function buildEncoder(folder: string, plan: EncoderPlan): Promise<BuiltEncoder> {
  const { task, modules, labels, precision, contextLength = Infinity, onProgress } = plan;
  const encoderFolder = path.join(folder, modules.encoderFolder);
  const config = await ModelConfig.read(encoderFolder);
  const architecture = encoderArchitecture(config);
  const sizes = architecture.sizes(config);
  const { isShort, ...written } = writtenContext(config, sizes.contextLength, contextLength);
  const head = encoderHead(architecture, config, plan);

  const files = ['config.json', ...(await weightFiles(encoderFolder))].map(name =>
    path.join(modules.encoderFolder, name),
  );
  files.push(...modules.dense.map(dense => path.join(dense.folder, 'model.safetensors')));
  // Pooling and labels are read from files that are no weights; what they say is part of the name.
  const details = createHash('sha256')
    .update(JSON.stringify([modules, labels]))
    .digest('hex')
    .slice(0, 8);
  const numbers = precision === 'int8' ? `int8-w${weightBits()}` : precision;
  const variant = `${task}-${numbers}${isShort ? '-short' : ''}-${details}`;
  const build = await buildOnce({ folder, files, variant }, async target => {
    const checkpoints: Checkpoint[] = [];
    const open = async (place: string): Promise<ModelWeights> => {
      const checkpoint = await Checkpoint.open(path.join(folder, place));
      checkpoints.push(checkpoint);
      return new ModelWeights(checkpoint);
    };
    try {
      const graph = new ModelGraph(encoderFormat(precision));
      const batch = new PackedBatch(graph, head.listed === undefined ? 'all' : 'listed');
      const weights = await open(modules.encoderFolder);
      const dense: ModelWeights[] = [];
      for (const module of modules.dense) dense.push(await open(module.folder));
      const { bodyName, embedding } = architecture;
      const source = {
        graph,
        config,
        sizes: { ...sizes, ...written },
        batch,
        weights,
        modules: dense,
        body: bodyOf(weights, bodyName, embedding),
        embedding,
      };
      const value = head.write(source, architecture.hiddenStates(source));
      graph.node({ op: 'Identity', inputs: [value], name: 'output' });
      graph.output('output', DataType.FLOAT, ['outputs', head.width]);
      await graph.save(path.join(target, 'encoder.onnx'), onProgress);
    } finally {
      await Promise.all(checkpoints.map(checkpoint => checkpoint.close()));
    }
  });
  return { graphPath: path.join(build, 'encoder.onnx'), sizes, width: head.width, listed: head.listed };
}
