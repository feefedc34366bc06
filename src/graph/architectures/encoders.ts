import type { ModelConfig } from '../config.js';
import { bert } from './bert.js';
import { distilbert } from './distilbert.js';
import type { EncoderArchitecture } from './encoder.js';
import { modernbert } from './modernbert.js';
import { mpnet } from './mpnet.js';
import { roberta } from './roberta.js';

const ENCODERS: readonly EncoderArchitecture[] = [bert, roberta, distilbert, mpnet, modernbert];

/** Whether there is an encoder of this `model_type`. */
export function isEncoderType(config: ModelConfig): boolean {
  return ENCODERS.some(({ modelTypes }) => modelTypes.includes(config.modelType));
}

/** @throws KvasirError `unsupported_model` where no encoder of this `model_type` is known */
export function encoderArchitecture(config: ModelConfig): EncoderArchitecture {
  const type = config.modelType;
  const found = ENCODERS.find(({ modelTypes }) => modelTypes.includes(type));
  if (found !== undefined) return found;
  const known = ENCODERS.flatMap(({ modelTypes }) => modelTypes).sort();
  return config.unsupported(`no encoder of model_type '${type}' is known; known: ${known.join(', ')}`);
}
