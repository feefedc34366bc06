import { createHash } from 'node:crypto';
import path from 'node:path';
import type { EncoderArchitecture, EncoderSizes, EncoderSource } from './assembly/encoder-architecture.js';
import { encoderArchitecture } from './families/encoders.js';
import { activate } from './blocks/activation.js';
import { linear } from './blocks/linear.js';
import { PackedBatch } from './blocks/packed-batch.js';
import { normalize, pool } from './blocks/sentence-embedding.js';
import type { BuildOptions } from './build.js';
import { buildOnce } from './build-cache.js';
import { ModelConfig } from './config.js';
import type { EncoderTask } from './encoder-task.js';
import { encoderFormat, type EncoderPrecision } from './encoder-graph.js';
import { ModelGraph } from './model-graph.js';
import { weightBits } from './quantization/row-scales.js';
import { DataType, type Value } from './onnx/graph-builder.js';
import type { PoolingMode, SentenceModules } from './sentence-modules.js';
import { ModelWeights } from './weights/model-weights.js';
import { Checkpoint, weightFiles } from './weights/checkpoint.js';

/** What to build of a model folder. */
export interface EncoderPlan {
  readonly task: EncoderTask;
  /** What happens behind the encoder, for `embedding`. */
  readonly modules: SentenceModules;
  /** Labels of a classifier. */
  readonly labels: number;
  readonly precision: EncoderPrecision;
  /** As for decoders. */
  readonly onProgress?: BuildOptions['onProgress'];
}

/** Which tokens the graph's input `rows` lists; undefined where it has no such input. */
export type ListedRows = 'first' | 'last' | 'positions' | undefined;

/** A graph on disk, ready to load. Its inputs are those of `PackedBatch`, its output is `output`, `[rows, width]`. */
export interface BuiltEncoder {
  readonly graphPath: string;
  readonly sizes: EncoderSizes;
  /** Width of a result row. */
  readonly width: number;
  readonly listed: ListedRows;
}

/**
 * The ONNX graph of an encoder in the Hugging Face or sentence-transformers layout. Built on the first call, and again when one of the
 * files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`
 */
export async function buildEncoder(folder: string, plan: EncoderPlan): Promise<BuiltEncoder> {
  const { task, modules, labels, precision, onProgress } = plan;
  const encoderFolder = path.join(folder, modules.encoderFolder);
  const config = await ModelConfig.read(encoderFolder);
  const architecture = encoderArchitecture(config);
  const sizes = architecture.sizes(config);
  const head = headOf(architecture, config, plan);

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
  const variant = `${task}-${numbers}-${details}`;
  const build = await buildOnce({ folder, files, variant }, async target => {
    const checkpoints: Checkpoint[] = [];
    const open = async (place: string): Promise<Checkpoint> => {
      const checkpoint = await Checkpoint.open(path.join(folder, place));
      checkpoints.push(checkpoint);
      return checkpoint;
    };
    try {
      const graph = new ModelGraph(encoderFormat(precision));
      const batch = new PackedBatch(graph, head.listed === undefined ? 'all' : 'listed');
      const weights = new ModelWeights(await open(modules.encoderFolder));
      const body = bodyWeights(weights, architecture);
      const source: EncoderSource = { graph, config, sizes, batch, weights, body };
      let value = head.write(source, architecture.hiddenStates(source));
      if (task === 'embedding') {
        for (const dense of modules.dense) {
          const layer = new ModelWeights(await open(dense.folder));
          const matrix = layer.matrix('linear', dense.outputs, dense.inputs);
          const bias = dense.bias ? layer.bias('linear', dense.outputs) : undefined;
          const name = dense.folder;
          value = activate(
            graph,
            `${name}.activation`,
            linear(graph, name, value, matrix, bias),
            dense.activation,
          );
        }
        if (modules.normalize) value = normalize(graph, 'normalized', value);
      }
      graph.node({ op: 'Identity', inputs: [value], name: 'output' });
      graph.output('output', DataType.FLOAT, ['outputs', head.width]);
      await graph.save(path.join(target, 'encoder.onnx'), onProgress);
    } finally {
      await Promise.all(checkpoints.map(checkpoint => checkpoint.close()));
    }
  });
  return { graphPath: path.join(build, 'encoder.onnx'), sizes, width: head.width, listed: head.listed };
}

/** What stands on the encoder's hidden states. */
interface Head {
  readonly listed: ListedRows;
  readonly width: number;
  write(source: EncoderSource, hidden: Value): Value;
}

function headOf(architecture: EncoderArchitecture, config: ModelConfig, plan: EncoderPlan): Head {
  const { task, modules, labels } = plan;
  const { hiddenSize, vocabularySize } = architecture.sizes(config);
  const pooled = (modes: readonly PoolingMode[], source: EncoderSource, hidden: Value): Value =>
    pool(source.graph, source.batch, hidden, hiddenSize, modes);
  switch (task) {
    case 'embedding': {
      const width = modules.pooling.length * hiddenSize;
      const widths = [width, ...modules.dense.map(dense => dense.outputs)];
      modules.dense.forEach((dense, i) => {
        if (dense.inputs !== widths[i])
          config.invalid(`${dense.folder} takes vectors of ${dense.inputs}, but gets ${widths[i]}`);
      });
      return {
        listed: listedBy(modules.pooling),
        width: widths.at(-1)!,
        write: (source, hidden) => pooled(modules.pooling, source, hidden),
      };
    }
    case 'sequence-classification': {
      const mode = architecture.sequencePooling(config);
      return {
        listed: listedBy([mode]),
        width: labels,
        write: (source, hidden) =>
          architecture.classifySequences(source, pooled([mode], source, hidden), labels),
      };
    }
    case 'token-classification':
      return {
        listed: undefined,
        width: labels,
        write: (source, hidden) => architecture.classifyTokens(source, hidden, labels),
      };
    case 'question-answering':
      return {
        listed: undefined,
        width: 2,
        write: (source, hidden) => architecture.markSpans(source, hidden),
      };
    case 'fill-mask':
      return {
        listed: 'positions',
        width: vocabularySize,
        write: (source, hidden) => architecture.fillMasks(source, hidden),
      };
  }
}

/** Where one token stands for its text, only its row is computed in the last layer. */
function listedBy(modes: readonly PoolingMode[]): ListedRows {
  const [mode, ...others] = modes;
  if (others.length > 0) return undefined;
  return mode === 'cls' ? 'first' : mode === 'lasttoken' ? 'last' : undefined;
}

/** A model with a head has its body's weights under the body's name; a bare one mostly has not. */
function bodyWeights(weights: ModelWeights, { bodyName, probe }: EncoderArchitecture): ModelWeights {
  return weights.has(`${bodyName}.${probe}`) ? weights.within(bodyName) : weights;
}
