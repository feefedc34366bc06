import { KvasirError } from '#errors.js';
import type { ModelConfig } from '#graph/config.js';
import { DataType, type GraphValue, type OnnxFile } from '../../onnx-file.js';
import type { EncoderDescription } from '../../encoder-description.js';
import type { EncoderTask } from '../contract.js';
import type { PaddedEncoderShape } from './padded-encoder.js';

/** An input or output of a graph, with its element type as ONNX Runtime calls it. */
interface Port {
  readonly name: string;
  readonly type: string | undefined;
  /** Sizes, or names of those that vary. */
  readonly shape: readonly (number | string)[];
}

/** What an encoder's task is answered from. */
export interface PaddedOutputs {
  /** One, or two for question answering. */
  readonly names: readonly string[];
  /** True if it has the hidden states of all tokens, which are still to be pooled. */
  readonly areHidden: boolean;
  /** The output with the hidden states of all tokens, if there is one. */
  readonly hidden: string | undefined;
}

/** Outputs by what they hold, the more finished first. */
const POOLED = ['sentence_embedding', 'pooler_output'];
const HIDDEN = ['last_hidden_state', 'token_embeddings'];

/** Inputs that exporters write, and the types that they have. */
const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'];
const INPUT_TYPES = ['int64', 'int32'];

const TYPES: Partial<Record<DataType, string>> = {
  [DataType.INT64]: 'int64',
  [DataType.INT32]: 'int32',
  [DataType.FLOAT]: 'float32',
};

/**
 * The outputs that an encoder's task is answered from: those with the names that exporters give them, or else
 * the only one that has the right number of dimensions and the right width.
 *
 * @param width of a row of the result (of hidden states for embeddings); undefined: any.
 * @throws KvasirError `unsupported_model` where the graph has inputs that are not known, or none of the
 * outputs of its task
 */
export function paddedOutputs(
  inputs: readonly Port[],
  outputs: readonly Port[],
  task: EncoderTask,
  width: number | undefined,
): PaddedOutputs {
  const strange = inputs.find(
    ({ name, type }) => !INPUTS.includes(name) || type === undefined || !INPUT_TYPES.includes(type),
  );
  if (strange !== undefined)
    throw new KvasirError(
      'unsupported_model',
      `the graph has an input '${strange.name}' (${strange.type}), which is not known`,
    );
  const floats = outputs.filter(({ type }) => type === 'float32');
  const named = (wanted: readonly string[]): string | undefined =>
    wanted.find(name => floats.some(output => output.name === name));
  const shaped = (rank: number): string | undefined => {
    const fitting = floats.filter(
      ({ shape }) => shape.length === rank && (width === undefined || shape.at(-1) === width),
    );
    return fitting.length === 1 ? fitting[0]!.name : undefined;
  };
  const hidden = task === 'embedding' ? (named(HIDDEN) ?? shaped(3)) : undefined;
  const found = ((): string | readonly string[] | undefined => {
    switch (task) {
      case 'embedding':
        return named([POOLED[0]!]) ?? hidden ?? named([POOLED[1]!]) ?? shaped(2);
      case 'question-answering': {
        const wanted = ['start_logits', 'end_logits'];
        return wanted.every(name => named([name])) ? wanted : undefined;
      }
      case 'sequence-classification':
        return named(['logits']) ?? shaped(2);
      case 'token-embedding':
        return named(HIDDEN);
      case 'token-classification':
      case 'fill-mask':
        return named(['logits']) ?? shaped(3);
    }
  })();
  if (found === undefined)
    throw new KvasirError(
      'unsupported_model',
      `the graph has the float outputs ${floats.map(describe).join(', ') || '(none)'}, none of which is what ${task} needs`,
    );
  const names = [found].flat();
  return { names, areHidden: hidden !== undefined && names[0] === hidden, hidden };
}

function describe({ name, shape }: Port): string {
  return `${name} [${shape.join(', ')}]`;
}

/** What config.json says that a ready-made graph does not. */
export function paddedSizes(
  config: ModelConfig,
): Pick<PaddedEncoderShape, 'vocabularySize' | 'segments' | 'paddingId'> {
  return {
    vocabularySize: config.size('vocab_size'),
    segments: config.size('type_vocab_size', 1),
    paddingId: config.count('pad_token_id', 0),
  };
}

/** Width of a row of what a description's task is answered from; undefined where nothing says it. */
export function resultWidth({ task, config, labels }: EncoderDescription): number | undefined {
  switch (task) {
    case 'embedding': {
      const field = ['hidden_size', 'd_model', 'dim', 'n_embd'].find(name => config.has(name));
      return field === undefined ? undefined : config.size(field);
    }
    case 'sequence-classification':
    case 'token-classification':
      return labels.length;
    case 'fill-mask':
      return config.size('vocab_size');
    case 'token-embedding':
    case 'question-answering':
      return undefined;
  }
}

/**
 * Checks a ready-made encoder by its files, without loading it.
 *
 * @throws KvasirError `unsupported_model`, `invalid_model`, naming the file
 */
export function checkReadyMade(graph: OnnxFile, description: EncoderDescription): void {
  const { task, config, modules } = description;
  paddedSizes(config);
  if (task === 'token-embedding')
    throw new KvasirError(
      'unsupported_model',
      `${graph.path}: a ready-made graph of a model that keeps the vectors of tokens; its weights can be served`,
    );
  if (modules.layers.some((layer, i) => layer.kind !== 'normalize' || i < modules.layers.length - 1))
    throw new KvasirError(
      'unsupported_model',
      `${graph.path}: Dense and LayerNorm modules behind a ready-made graph`,
    );
  const port = ({ name, type, shape }: GraphValue): Port => ({
    name,
    type: TYPES[type] ?? DataType[type].toLowerCase(),
    shape,
  });
  try {
    paddedOutputs(graph.inputs.map(port), graph.outputs.map(port), task, resultWidth(description));
  } catch (cause) {
    const { code, message } = cause as KvasirError;
    throw new KvasirError(code, `${graph.path}: ${message}`, { cause });
  }
}
