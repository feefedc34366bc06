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
}

/** Outputs by what they hold, the more finished first. */
const POOLED = ['sentence_embedding', 'pooler_output'];
export const HIDDEN = ['last_hidden_state', 'token_embeddings'];

/** Inputs that exporters write, all int64. */
const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'];

const TYPES: Partial<Record<DataType, string>> = { [DataType.INT64]: 'int64', [DataType.FLOAT]: 'float32' };

/**
 * The outputs that an encoder's task is answered from.
 *
 * @throws KvasirError `unsupported_model` where the graph has inputs that are not known, or none of the
 * outputs of its task
 */
export function paddedOutputs(
  inputs: readonly Port[],
  outputs: readonly Port[],
  task: EncoderTask,
): readonly string[] {
  const strange = inputs.find(({ name, type }) => !INPUTS.includes(name) || type !== 'int64');
  if (strange !== undefined)
    throw new KvasirError(
      'unsupported_model',
      `the graph has an input '${strange.name}' (${strange.type}), which is not known`,
    );
  const floats = outputs.filter(({ type }) => type === 'float32').map(({ name }) => name);
  if (task === 'question-answering') {
    const wanted = ['start_logits', 'end_logits'];
    if (wanted.every(name => floats.includes(name))) return wanted;
  } else {
    const wanted = task === 'embedding' ? [POOLED[0]!, ...HIDDEN, POOLED[1]!] : ['logits'];
    const found = wanted.find(name => floats.includes(name));
    if (found !== undefined) return [found];
  }
  throw new KvasirError(
    'unsupported_model',
    `the graph has the float outputs ${floats.join(', ') || '(none)'}, none of which is what ${task} needs`,
  );
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

/**
 * Checks a ready-made encoder by its files, without loading it.
 *
 * @throws KvasirError `unsupported_model`, `invalid_model`, naming the file
 */
export function checkReadyMade(graph: OnnxFile, { task, config, modules }: EncoderDescription): void {
  paddedSizes(config);
  if (modules.layers.some((layer, i) => layer.kind !== 'normalize' || i < modules.layers.length - 1))
    throw new KvasirError(
      'unsupported_model',
      `${graph.path}: Dense and LayerNorm modules behind a ready-made graph`,
    );
  const port = ({ name, type }: GraphValue): Port => ({
    name,
    type: TYPES[type] ?? DataType[type].toLowerCase(),
  });
  try {
    paddedOutputs(graph.inputs.map(port), graph.outputs.map(port), task);
  } catch (cause) {
    const { code, message } = cause as KvasirError;
    throw new KvasirError(code, `${graph.path}: ${message}`, { cause });
  }
}
