import type { ModelConfig } from '../config.js';
import type { DecoderArchitecture } from './decoder.js';
import { llama } from './llama.js';

const DECODERS: readonly DecoderArchitecture[] = [llama];

/** @throws KvasirError `unsupported_model` where no decoder of this `model_type` is known */
export function decoderArchitecture(config: ModelConfig): DecoderArchitecture {
  const type = config.modelType;
  const found = DECODERS.find(({ modelTypes }) => modelTypes.includes(type));
  if (found !== undefined) return found;
  const known = DECODERS.flatMap(({ modelTypes }) => modelTypes).sort();
  return config.unsupported(`model_type '${type}' is not supported; supported: ${known.join(', ')}`);
}
