import type { ModelConfig } from '../config.js';
import type { DecoderArchitecture } from '../assembly/decoder-architecture.js';
import { gemma, gemma2, gemma3 } from './gemma.js';
import { gpt2 } from './gpt2.js';
import { granite } from './granite.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';
import { mixtral, qwen2Moe, qwen3Moe } from './mixtures.js';
import { nearest } from '../nearest.js';
import { phi3 } from './phi3.js';
import { qwen2, qwen3 } from './qwen.js';
import { smollm3 } from './smollm3.js';
import { starcoder2 } from './starcoder2.js';

const DECODERS: readonly DecoderArchitecture[] = [
  llama,
  mistral,
  mixtral,
  qwen2,
  qwen3,
  qwen2Moe,
  qwen3Moe,
  phi3,
  gemma,
  gemma2,
  gemma3,
  gpt2,
  smollm3,
  granite,
  starcoder2,
];

/** @throws KvasirError `unsupported_model` where no decoder of this `model_type` is known; names the one that is spelled most alike */
export function decoderArchitecture(config: ModelConfig): DecoderArchitecture {
  const type = config.modelType;
  const found = DECODERS.find(({ modelTypes }) => modelTypes.includes(type));
  if (found !== undefined) return found;
  const known = DECODERS.flatMap(({ modelTypes }) => modelTypes).sort();
  return config.unsupported(
    `model_type '${type}' is not supported; the nearest that is: '${nearest(type, known)}' (of ${known.join(', ')})`,
  );
}
