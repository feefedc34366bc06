import { asEncoder } from '../assembly/decoder-as-encoder.js';
import { withOwnConfig, type DecoderArchitecture } from '../assembly/decoder-design.js';
import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import type { Seq2SeqArchitecture } from '../assembly/seq2seq/architecture.js';
import { encoderAlone } from '../assembly/seq2seq/encoder-alone.js';
import type { ModelConfig } from '../config.js';
import { apertus } from './apertus.js';
import { bart, blenderbot, blenderbotSmall, mbart } from './bart.js';
import { albert } from './albert.js';
import { bert } from './bert.js';
import { bloom } from './bloom.js';
import { cohere, cohere2 } from './cohere.js';
import { deepseekV2, deepseekV3 } from './deepseek.js';
import { distilbert } from './distilbert.js';
import { exaone, exaone4 } from './exaone.js';
import { deberta, debertaV2 } from './deberta.js';
import { electra } from './electra.js';
import { ernie } from './ernie.js';
import { esm } from './esm.js';
import { eurobert } from './eurobert.js';
import { gemma, gemma2, gemma3 } from './gemma.js';
import { gemma3n } from './gemma3n.js';
import { gemma4, gemma4Unified } from './gemma4.js';
import { glm, glm4, glm4Moe } from './glm.js';
import { gpt2 } from './gpt2.js';
import { gte, gteNew, nomicBert } from './rotary-bert.js';
import { falcon } from './falcon.js';
import { gptBigcode } from './gpt-bigcode.js';
import { gptNeo } from './gpt-neo.js';
import { gptNeox } from './gpt-neox.js';
import { gptOss } from './gpt-oss.js';
import { codegen, gptj } from './gptj.js';
import { granite, graniteMoe } from './granite.js';
import { hunyuan } from './hunyuan.js';
import { jinaBert } from './jina-bert.js';
import { jinaEmbeddingsV3 } from './jina-embeddings-v3.js';
import { llama } from './llama.js';
import { m2m100, marian, pegasus } from './marian.js';
import { ministral, ministral3, mistral } from './mistral.js';
import { mixtral } from './mixtral.js';
import { modernbert } from './modernbert.js';
import { moonshine } from './moonshine.js';
import { mpnet } from './mpnet.js';
import { mpt } from './mpt.js';
import { NEAR_DEEPSEEK } from './near-deepseek.js';
import { NEAR_LLAMA } from './near-llama.js';
import { nemotron } from './nemotron.js';
import { neobert } from './neobert.js';
import { olmo, olmo2, olmo3, olmoe } from './olmo.js';
import { megatronBert, robertaPreLayerNorm, xlmRobertaXl } from './pre-norm-bert.js';
import { opt } from './opt.js';
import { phi } from './phi.js';
import { phi3 } from './phi3.js';
import { qwen2, qwen3 } from './qwen.js';
import { qwen2Moe, qwen3Moe } from './qwen-moe.js';
import { data2vecText, roberta } from './roberta.js';
import { textPart, WHOLE_TYPES } from './text-part.js';
import { smollm3 } from './smollm3.js';
import { staticEmbedding } from './static-embedding.js';
import { stablelm } from './stablelm.js';
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
  gemma3n,
  gemma4,
  gemma4Unified,
  gpt2,
  smollm3,
  granite,
  starcoder2,
  phi,
  stablelm,
  nemotron,
  gptNeox,
  gptNeo,
  gptj,
  codegen,
  gptBigcode,
  gptOss,
  falcon,
  bloom,
  mpt,
  opt,
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
  glm4Moe,
  ministral,
  ministral3,
  hunyuan,
  apertus,
  graniteMoe,
  deepseekV2,
  deepseekV3,
  ...NEAR_DEEPSEEK,
].map(withOwnConfig);

/** Encoders proper, which see both ways. */
const ENCODERS: readonly EncoderArchitecture[] = [
  jinaBert,
  jinaEmbeddingsV3,
  bert,
  ernie,
  electra,
  albert,
  roberta,
  data2vecText,
  robertaPreLayerNorm,
  xlmRobertaXl,
  megatronBert,
  distilbert,
  mpnet,
  deberta,
  debertaV2,
  esm,
  nomicBert,
  gte,
  gteNew,
  modernbert,
  eurobert,
  neobert,
  staticEmbedding,
];

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
  moonshine,
];

/** All that give hidden states of texts. */
const ENCODING: readonly EncoderArchitecture[] = [
  ...ENCODERS,
  ...[t5, mt5, umt5].map(encoderAlone),
  ...DECODERS.map(decoder => asEncoder(decoder)),
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
  const family = find(DECODERS, part ?? config) ?? unknown(config, DECODERS);
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
  return find(SEQ2SEQ, config);
}

/** The architecture of this `model_type`, or undefined: there is none, or no `model_type`. */
export function findArchitecture(config: ModelConfig): EncoderArchitecture | undefined {
  return find(ENCODING, config);
}

/**
 * @throws KvasirError `unsupported_model` where no encoder of this `model_type` is known
 */
export function encoderArchitecture(config: ModelConfig): EncoderArchitecture {
  return findArchitecture(config) ?? unknown(config, ENCODING);
}

/** True if models of this `model_type` are encoders, whatever else is said. */
export function isEncoderType(config: ModelConfig): boolean {
  return find(ENCODERS, config) !== undefined;
}

interface Family {
  readonly modelTypes: readonly string[];
  readonly matches?: (config: ModelConfig) => boolean;
}

function find<T extends Family>(architectures: readonly T[], config: ModelConfig): T | undefined {
  const type = config.string('model_type', '');
  return architectures.find(
    ({ modelTypes, matches }) => modelTypes.includes(type) && (matches === undefined || matches(config)),
  );
}

function unknown(config: ModelConfig, architectures: readonly Family[]): never {
  const type = config.modelType;
  const names = config.strings('architectures', []);
  if (find<Family>([...ENCODING, ...SEQ2SEQ], config) !== undefined)
    return config.unsupported(
      `a '${type}' is known, but not as ${names.length === 0 ? 'what is asked for' : `a ${names.join(', ')}`}`,
    );
  const vendor = config.has('auto_map') ? " Its code is its vendor's own (auto_map), which is not run." : '';
  const types = architectures.flatMap(({ modelTypes }) => modelTypes);
  const known = [...new Set([...types, ...(architectures === DECODERS ? WHOLE_TYPES : [])])].sort();
  return config.unsupported(
    `model_type '${type}' is not supported.${vendor} Supported are ${known.join(', ')}; any other encoder or decoder as an ONNX export`,
  );
}
