import { existsSync } from 'node:fs';
import path from 'node:path';
import { ModelConfig } from '#graph/config.js';
import { USUAL_NAMES, type HeadSizes, type PortNames } from './ports.js';

const FILE = 'genai_config.json';

/** What onnxruntime-genai's `genai_config.json` says of a decoder. */
export interface GenaiConfig {
  /** Relative to the folder. */
  readonly graph: string;
  readonly names: PortNames;
  readonly heads: HeadSizes | undefined;
  readonly contextLength: number;
  readonly vocabularySize: number | undefined;
}

export function isGenaiFolder(folder: string): boolean {
  return existsSync(path.join(folder, FILE));
}

/**
 * Reads `genai_config.json` (https://onnxruntime.ai/docs/genai/reference/config.html).
 *
 * @throws KvasirError `invalid_model`; `unsupported_model` for models of several graphs, with an encoder, or
 * for images and speech
 */
export async function readGenaiConfig(folder: string): Promise<GenaiConfig> {
  const model = (await ModelConfig.read(folder, FILE)).section('model');
  const decoder = model?.section('decoder');
  if (model === undefined || decoder === undefined)
    return new ModelConfig(path.join(folder, FILE), {}).invalid('model.decoder is missing');
  for (const part of ['encoder', 'vision', 'speech', 'embedding'])
    if (model.section(part)?.has('filename'))
      model.unsupported(`the model has a part '${part}' beside its decoder`);
  if (decoder.has('pipeline')) decoder.unsupported('the decoder is a pipeline of several graphs');
  const inputs = decoder.section('inputs');
  const outputs = decoder.section('outputs');
  const [heads, size] = ['num_key_value_heads', 'head_size'];
  return {
    graph: decoder.string('filename'),
    names: {
      ids: inputs?.string('input_ids', USUAL_NAMES.ids) ?? USUAL_NAMES.ids,
      mask: inputs?.string('attention_mask', USUAL_NAMES.mask) ?? USUAL_NAMES.mask,
      positions: inputs?.string('position_ids', USUAL_NAMES.positions) ?? USUAL_NAMES.positions,
      pastKey: inputs?.string('past_key_names', USUAL_NAMES.pastKey) ?? USUAL_NAMES.pastKey,
      pastValue: inputs?.string('past_value_names', USUAL_NAMES.pastValue) ?? USUAL_NAMES.pastValue,
      logits: outputs?.string('logits', USUAL_NAMES.logits) ?? USUAL_NAMES.logits,
      presentKey: outputs?.string('present_key_names', USUAL_NAMES.presentKey) ?? USUAL_NAMES.presentKey,
      presentValue:
        outputs?.string('present_value_names', USUAL_NAMES.presentValue) ?? USUAL_NAMES.presentValue,
    },
    heads:
      decoder.has(heads) && decoder.has(size)
        ? { kvHeads: decoder.size(heads), headSize: decoder.size(size) }
        : undefined,
    contextLength: model.size('context_length'),
    vocabularySize: model.has('vocab_size') ? model.size('vocab_size') : undefined,
  };
}
