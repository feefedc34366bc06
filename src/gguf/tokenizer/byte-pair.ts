import type { GgufMetadata } from '../metadata.js';
import { findPreTokenizer, type PreTokenizer } from './pre-tokenizers.js';
import { addedTokens, surroundings, templateProcessing, type TokenizerParts } from './parts.js';
import { readVocabulary } from './vocabulary.js';

const PRE = 'tokenizer.ggml.pre';

/**
 * The parts of a tokenizer that joins pairs (`gpt2` and its kin): byte-level BPE (Radford et al., 2019), or BPE
 * over characters, where spaces are `▁`.
 *
 * @throws KvasirError `unsupported_model` where the pre-tokenizer is not known; `invalid_model`
 */
export function bytePairParts(metadata: GgufMetadata, form: 'gpt2' | 'gemma4'): TokenizerParts {
  const pre = preTokenizerOf(metadata, form);
  // Where a file names no token for a role, llama.cpp takes Falcon's, which is another word elsewhere.
  const vocabulary = readVocabulary(metadata, {});
  const around = surroundings(metadata, vocabulary, { bos: pre.addsBos ?? false, eos: false, sep: false });
  const { asSentencePiece = false } = pre;
  return {
    vocabulary,
    around,
    files: {
      'tokenizer.json': {
        version: '1.0',
        truncation: null,
        padding: null,
        added_tokens: addedTokens(vocabulary, token => ({
          lstrip: pre.takesSpace?.includes(token) ?? false,
          rstrip: false,
        })),
        normalizer: normalizerOf(metadata, pre),
        pre_tokenizer: asSentencePiece ? null : words(pre),
        post_processor: templateProcessing(around, vocabulary, [0, 0]),
        decoder: asSentencePiece ? SENTENCE_PIECE_DECODER : BYTE_LEVEL,
        model: {
          type: 'BPE',
          unk_token: null,
          byte_fallback: asSentencePiece,
          ignore_merges: pre.ignoresMerges ?? false,
          vocab: Object.fromEntries(vocabulary.ids),
          merges: readMerges(metadata),
        },
      },
    },
  };
}

function preTokenizerOf(metadata: GgufMetadata, form: 'gpt2' | 'gemma4'): PreTokenizer {
  const advice = `Python's gguf writes a file with another one: gguf-new-metadata --pre-tokenizer NAME OLD NEW`;
  const name = form === 'gemma4' ? form : metadata.string(PRE, '');
  if (name === '' || name === 'default')
    throw metadata.unsupported(
      `${PRE} does not say how texts are cut into words; convert the model with a newer convert_hf_to_gguf.py, or say it: ${advice}`,
    );
  const pre = findPreTokenizer(name);
  if (pre === undefined)
    throw metadata.unsupported(
      `the pre-tokenizer ${JSON.stringify(name)} (${PRE}) is not known; where it is another one by a new name, ${advice}`,
    );
  return pre;
}

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

const SENTENCE_PIECE_DECODER = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ],
};

function words({ splits }: PreTokenizer): object {
  return {
    type: 'Sequence',
    pretokenizers: [
      ...splits.map(Regex => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })),
      BYTE_LEVEL,
    ],
  };
}

/** Files say of some models that texts are lowered, or lose their accents, of which llama.cpp takes no notice. */
function normalizerOf(metadata: GgufMetadata, { normalizer, asSentencePiece }: PreTokenizer): object | null {
  const prefix = 'tokenizer.ggml.normalizer';
  const steps: object[] = [];
  if (metadata.flag(`${prefix}.lowercase`, false)) steps.push({ type: 'Lowercase' });
  if (metadata.flag(`${prefix}.strip_accents`, false)) steps.push({ type: 'NFD' }, { type: 'StripAccents' });
  if (normalizer !== undefined) steps.push({ type: normalizer });
  if (asSentencePiece === true) steps.push({ type: 'Replace', pattern: { String: ' ' }, content: '▁' });
  if (steps.length === 0) return null;
  return { type: 'Sequence', normalizers: steps };
}

/** Pairs in the order in which they are joined; a merge is cut at its first space behind its beginning. */
function readMerges(metadata: GgufMetadata): [string, string][] {
  const key = 'tokenizer.ggml.merges';
  return metadata.strings(key).map(merge => {
    const space = merge.indexOf(' ', 1);
    if (space < 0) throw metadata.invalid(`${key} has ${JSON.stringify(merge)}, which is no pair`);
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
}
