import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { GgufMetadata } from '../metadata.js';
import { surroundings, type TokenizerParts } from './parts.js';
import { isAdded, readVocabulary, TokenType, type GgufVocabulary, type Role } from './vocabulary.js';

/** A kind of SentencePiece's models, with what files leave out where it is the same for all of them. */
interface Kind {
  /** `TrainerSpec.model_type`. */
  readonly modelType: number;
  readonly roles: Readonly<Partial<Record<Role, number>>>;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
}

const KINDS = {
  /** BPE by scores. */
  llama: { modelType: 2, roles: { bos: 1, eos: 2, unk: 0 }, addsBos: true, addsEos: false },
  t5: { modelType: 1, roles: { eos: 1, unk: 2, pad: 0 }, addsBos: false, addsEos: true },
} as const satisfies Readonly<Record<string, Kind>>;

/**
 * The parts of a tokenizer of SentencePiece (Kudo and Richardson, 2018): `llama`, byte-pair encoding by scores,
 * or `t5`, a unigram model. They are a `tokenizer.model` as the makers' own, and what stands around texts.
 *
 * @throws KvasirError `invalid_model`
 */
export function sentencePieceParts(metadata: GgufMetadata, form: keyof typeof KINDS): TokenizerParts {
  const kind: Kind = KINDS[form];
  const vocabulary = readVocabulary(metadata, kind.roles);
  if (vocabulary.scores === undefined) throw metadata.invalid('tokenizer.ggml.scores is missing');
  const around = surroundings(metadata, vocabulary, { bos: kind.addsBos, eos: kind.addsEos, sep: false });
  return {
    vocabulary,
    around,
    config: {
      tokenizer_class: 'GgufTokenizer',
      added_tokens_decoder: addedTokensDecoder(metadata, vocabulary),
      add_bos_token: around.before.length > 0,
      add_eos_token: around.after.length > 0,
      add_sep_token: around.between.includes('sep'),
    },
    files: { 'tokenizer.model': writeModel(metadata, kind, vocabulary) },
  };
}

function addedTokensDecoder(metadata: GgufMetadata, { tokens, types }: GgufVocabulary): object {
  const strips = spaceTaking(metadata);
  const entries = tokens.flatMap((content, id) => {
    if (!isAdded(types[id])) return [];
    const special = types[id] !== TokenType.USER_DEFINED;
    return [[id, { content, special, normalized: false, single_word: false, ...strips(content) }] as const];
  });
  return Object.fromEntries(entries);
}

/** Which added tokens take white space, which files do not say: Phi-3's, and the hidden token of encoders. */
function spaceTaking(metadata: GgufMetadata): (token: string) => { lstrip: boolean; rstrip: boolean } {
  const name = metadata.string('general.name', '');
  const architecture = metadata.string('general.architecture', '');
  const isPhi3 = architecture === 'phi3' || /phi-?3/i.test(name);
  const takesBefore = isEncoder(metadata);
  return token => ({
    lstrip: takesBefore && token === '<mask>',
    rstrip: isPhi3 && !['<unk>', '<s>', '<|endoftext|>'].includes(token),
  });
}

function isEncoder(metadata: GgufMetadata): boolean {
  return metadata.string('general.architecture', '').includes('bert');
}

/** A `ModelProto` of sentencepiece_model.proto. */
function writeModel(metadata: GgufMetadata, { modelType }: Kind, vocabulary: GgufVocabulary): Uint8Array {
  const { tokens, scores } = vocabulary;
  const types = modelTypes(metadata, vocabulary);
  const isInformed = informed(vocabulary);
  const writer = new BinaryWriter();
  for (const [id, token] of tokens.entries()) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(token);
    // Pieces stand in the order in which they are joined.
    writer.tag(2, WireType.Bit32).float(isInformed ? scores![id]! : -id);
    writer.tag(3, WireType.Varint).int32(types[id]!);
    writer.join();
  }
  const hasBytes = types.reduce((count, type) => count + Number(type === TokenType.BYTE), 0) === 256;
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(3, WireType.Varint).int32(modelType);
  writer.tag(35, WireType.Varint).bool(hasBytes);
  writer.join();
  writer.tag(3, WireType.LengthDelimited).fork();
  writer.tag(2, WireType.LengthDelimited).bytes(characterMap(metadata));
  // Of encoders the converter writes another setting by this name; XLM-R's tokenizers remove them.
  const removes = isEncoder(metadata) || metadata.flag('tokenizer.ggml.remove_extra_whitespaces', false);
  writer.tag(3, WireType.Varint).bool(metadata.flag('tokenizer.ggml.add_space_prefix', true));
  writer.tag(4, WireType.Varint).bool(removes);
  writer.join();
  return writer.finish();
}

/** One token is the unknown one, whatever others are called so; added tokens are found before the model is asked. */
function modelTypes(metadata: GgufMetadata, { tokens, types, roles }: GgufVocabulary): Uint8Array {
  const unknown = types.indexOf(TokenType.UNKNOWN);
  const unknownId = unknown < 0 ? roles.get('unk') : unknown;
  if (unknownId === undefined) throw metadata.invalid('no token has the role unk');
  const bytes = new Set(tokens.flatMap((token, id) => (/^<0x[\dA-F]{2}>$/.test(token) ? [id] : [])));
  const areBytes = bytes.size === 256;
  return types.map((type, id) => {
    if (id === unknownId) return TokenType.UNKNOWN;
    if (areBytes && bytes.has(id)) return TokenType.BYTE;
    return isAdded(type) || type === TokenType.BYTE ? TokenType.CONTROL : type;
  });
}

/** Whether scores tell pieces apart: some converters write the same number for all. */
function informed({ scores, types }: GgufVocabulary): boolean {
  let first: number | undefined;
  for (const [id, type] of types.entries()) {
    if (type !== TokenType.NORMAL) continue;
    first ??= scores![id]!;
    if (scores![id] !== first) return true;
  }
  return false;
}

function characterMap(metadata: GgufMetadata): Uint8Array {
  const map = metadata.get('tokenizer.ggml.precompiled_charsmap');
  if (map === undefined) return new Uint8Array();
  if (map instanceof Uint8Array) return map;
  if (map instanceof Int8Array) return new Uint8Array(map.buffer, map.byteOffset, map.length);
  throw metadata.invalid('tokenizer.ggml.precompiled_charsmap is no list of bytes');
}
