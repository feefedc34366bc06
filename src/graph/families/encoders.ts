import type { ModelConfig } from '../config.js';
import { bert } from './bert.js';
import { causalEncoder } from '../assembly/causal-encoder.js';
import { distilbert } from './distilbert.js';
import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { modernbert } from './modernbert.js';
import { mpnet } from './mpnet.js';
import { roberta } from './roberta.js';

const ENCODERS: readonly EncoderArchitecture[] = [
  bert,
  roberta,
  distilbert,
  mpnet,
  modernbert,
  causalEncoder,
];

/** Whether models of this `model_type` are encoders, whatever else is said. */
export function isEncoderType(config: ModelConfig): boolean {
  const found = findArchitecture(config);
  return found !== undefined && found !== causalEncoder;
}

/** The architecture of this `model_type`, or undefined: there is none, or no `model_type`. */
export function findArchitecture(config: ModelConfig): EncoderArchitecture | undefined {
  const type = config.string('model_type', '');
  return ENCODERS.find(({ modelTypes }) => modelTypes.includes(type));
}

/** @throws KvasirError `unsupported_model` where no encoder of this `model_type` is known */
export function encoderArchitecture(config: ModelConfig): EncoderArchitecture {
  const found = findArchitecture(config);
  if (found !== undefined) return found;
  const known = ENCODERS.flatMap(({ modelTypes }) => modelTypes).sort();
  return config.unsupported(
    `no encoder of model_type '${config.modelType}' is known; known: ${known.join(', ')}`,
  );
}
