import { asEncoder } from '../assembly/decoder-as-encoder.js';
import { withOwnConfig, type DecoderArchitecture } from '../assembly/decoder-design.js';
import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import type { Seq2SeqArchitecture } from '../assembly/seq2seq/architecture.js';
import { encoderAlone } from '../assembly/seq2seq/encoder-alone.js';
import type { ModelConfig } from '../config.js';
import { apertus } from './apertus.js';
import { bart, blenderbot, blenderbotSmall, mbart } from './bart.js';
import { bert } from './bert.js';
import { cohere, cohere2 } from './cohere.js';
import { distilbert } from './distilbert.js';
import { exaone, exaone4 } from './exaone.js';
import { gemma, gemma2, gemma3 } from './gemma.js';
import { glm, glm4 } from './glm.js';
import { gpt2 } from './gpt2.js';
import { granite, graniteMoe } from './granite.js';
import { hunyuan } from './hunyuan.js';
import { llama } from './llama.js';
import { m2m100, marian, pegasus } from './marian.js';
import { ministral, ministral3, mistral } from './mistral.js';
import { mixtral } from './mixtral.js';
import { modernbert } from './modernbert.js';
import { mpnet } from './mpnet.js';
import { NEAR_LLAMA } from './near-llama.js';
import { olmo, olmo2, olmo3, olmoe } from './olmo.js';
import { phi3 } from './phi3.js';
import { qwen2, qwen3 } from './qwen.js';
import { qwen2Moe, qwen3Moe } from './qwen-moe.js';
import { roberta } from './roberta.js';
import { textPart, WHOLE_TYPES } from './text-part.js';
import { smollm3 } from './smollm3.js';
import { starcoder2 } from './starcoder2.js';
import { mt5, t5, umt5 } from './t5.js';
import { whisper } from './whisper.js';

const DECODERS: readonly DecoderArchitecture[] = [
  ...NEAR_LLAMA,
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
  olmo,
  olmo2,
  olmo3,
  olmoe,
  exaone,
  exaone4,
  cohere,
  cohere2,
  glm,
  glm4,
  ministral,
  ministral3,
  hunyuan,
  apertus,
  graniteMoe,
].map(withOwnConfig);

/** Encoders proper, which see both ways. */
const ENCODERS: readonly EncoderArchitecture[] = [bert, roberta, distilbert, mpnet, modernbert];

const SEQ2SEQ: readonly Seq2SeqArchitecture[] = [
  bart,
  mbart,
  blenderbot,
  blenderbotSmall,
  marian,
  pegasus,
  m2m100,
  t5,
  mt5,
  umt5,
  whisper,
];

/** All that give hidden states of texts. */
const ENCODING: readonly EncoderArchitecture[] = [
  ...ENCODERS,
  ...[t5, mt5, umt5].map(encoderAlone),
  ...DECODERS.map(asEncoder),
];

/** Values of `model_type` of all families that read texts. */
export const MODEL_TYPES: readonly string[] = [...ENCODING, ...SEQ2SEQ].flatMap(
  ({ modelTypes }) => modelTypes,
);

/**
 * @throws KvasirError `unsupported_model` where no decoder of this `model_type` is known
 */
export function decoderArchitecture(config: ModelConfig): DecoderArchitecture {
  const part = textPart(config);
  const family = find(DECODERS, (part ?? config).modelType) ?? unknown(config, DECODERS);
  return part === undefined ? family : { ...family, sizes: whole => family.sizes(textPart(whole) ?? whole) };
}

/**
 * @throws KvasirError `unsupported_model` where no encoder-decoder of this `model_type` is known
 */
export function seq2seqArchitecture(config: ModelConfig): Seq2SeqArchitecture {
  return findSeq2Seq(config) ?? unknown(config, SEQ2SEQ);
}

/** The encoder-decoder of this `model_type`, or undefined: there is none, or no `model_type`. */
export function findSeq2Seq(config: ModelConfig): Seq2SeqArchitecture | undefined {
  return find(SEQ2SEQ, config.string('model_type', ''));
}

/** The architecture of this `model_type`, or undefined: there is none, or no `model_type`. */
export function findArchitecture(config: ModelConfig): EncoderArchitecture | undefined {
  return find(ENCODING, config.string('model_type', ''));
}

/**
 * @throws KvasirError `unsupported_model` where no encoder of this `model_type` is known
 */
export function encoderArchitecture(config: ModelConfig): EncoderArchitecture {
  return findArchitecture(config) ?? unknown(config, ENCODING);
}

/** True if models of this `model_type` are encoders, whatever else is said. */
export function isEncoderType(config: ModelConfig): boolean {
  return find(ENCODERS, config.string('model_type', '')) !== undefined;
}

function find<T extends { readonly modelTypes: readonly string[] }>(
  architectures: readonly T[],
  type: string,
): T | undefined {
  return architectures.find(({ modelTypes }) => modelTypes.includes(type));
}

function unknown(
  config: ModelConfig,
  architectures: readonly { readonly modelTypes: readonly string[] }[],
): never {
  const type = config.modelType;
  const names = config.strings('architectures', []);
  if (find([...ENCODING, ...SEQ2SEQ], type) !== undefined)
    return config.unsupported(
      `a '${type}' is known, but not as ${names.length === 0 ? 'what is asked for' : `a ${names.join(', ')}`}`,
    );
  const vendor = config.has('auto_map') ? " Its code is its vendor's own (auto_map), which is not run." : '';
  const types = architectures.flatMap(({ modelTypes }) => modelTypes);
  const known = [...types, ...(architectures === DECODERS ? WHOLE_TYPES : [])].sort();
  return config.unsupported(
    `model_type '${type}' is not supported.${vendor} Supported are ${known.join(', ')}; any other encoder or decoder as an ONNX export`,
  );
}
