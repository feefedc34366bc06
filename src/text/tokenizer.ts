import { join } from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, openRegularFile } from '#files.js';
import { spellUnknownAsBytes } from './byte-fallback.js';
import { withClassSettings } from './class-settings.js';
import { withConfiguredTokens } from './configured-tokens.js';
import { Tokenizer as TokenizerLibrary, WordPiece, type HuggingFaceTokenizer } from './huggingface.js';
import { layoutOf, type LayoutItem } from './layout.js';
import { repairLibrary } from './library-repairs.js';
import { mayExplode } from './risk.js';
import { TokenLocator } from './offsets.js';
import { findTokenizerFamily, loadSentencePieceTokenizer } from './sentencepiece/folder.js';
import { obeyPrecompiledMaps } from './sentencepiece/precompiled.js';
import type { Encoding, Tokenizer, TokenOrigin } from './types.js';
import { readTokenizerFiles } from './tokenizer-files.js';
import { splitAtWordStarts } from './word-starts.js';

/**
 * The tokenizer of a model folder in the Hugging Face layout: `tokenizer.json` (the pipeline and the
 * vocabulary; or a BERT's `vocab.txt`) and, where there is one, `tokenizer_config.json` (which of the added
 * tokens are special). Where there is none of them, it is made of SentencePiece models and what belongs to
 * them.
 *
 * @param folder the model's folder.
 * @throws KvasirError `invalid_model`, naming the file that is missing or broken; `unsupported_model` where
 * there are only files of other formats.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const files = await readTokenizerFiles(folder);
  if (files === undefined) return loadSentencePieceTokenizer(folder);
  const { definition, config, file } = files;
  try {
    return createTokenizer(definition, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KvasirError('invalid_model', `${file} does not describe a usable tokenizer: ${reason}`, {
      cause,
    });
  }
}

/**
 * Finds out whether a folder has the files of a tokenizer, without reading them.
 *
 * @throws KvasirError as {@link loadTokenizer}, where one is missing or no regular file
 */
export async function requireTokenizerFiles(folder: string): Promise<void> {
  const handle = await ifThere(openRegularFile(join(folder, 'tokenizer.json')));
  if (handle !== undefined) await handle.close();
  else if ((await readTokenizerFiles(folder)) === undefined) await findTokenizerFamily(folder);
}

/**
 * A tokenizer from the parsed contents of `tokenizer.json` and `tokenizer_config.json`.
 *
 * @throws Error when the definition is not one that `@huggingface/tokenizers` understands, or its decoder may take
 * for ever.
 */
export function createTokenizer(given: object, config: object = {}): Tokenizer {
  const definition = withClassSettings(withConfiguredTokens(given, config), config);
  refuseSharedIds(definition);
  refuseCostlyDecoder(definition);
  const library = new TokenizerLibrary(splitAtWordStarts(definition), config);
  obeyPrecompiledMaps(library.normalizer);
  spellUnknownAsBytes(library, definition);
  repairLibrary(library, definition);
  return new LoadedTokenizer(library, config, mayExplode(definition));
}

/**
 * @throws Error where two added tokens have one id, so that it is anybody's guess which of them it stands
 * for.
 */
function refuseSharedIds(definition: object): void {
  const added: unknown = 'added_tokens' in definition ? definition.added_tokens : undefined;
  const names = new Map<unknown, unknown>();
  for (const entry of Array.isArray(added) ? (added as unknown[]) : []) {
    const { id, content } = Object(entry) as { id?: unknown; content?: unknown };
    const other = names.get(id);
    if (other !== undefined && other !== content)
      throw new Error(
        `the added tokens ${JSON.stringify(other)} and ${JSON.stringify(content)} both have the id ${id as number}`,
      );
    names.set(id, content);
  }
}

/**
 * Texts are read elsewhere where the rules of a tokenizer may explode, but tokens become text at each step of a
 * model, between those of others.
 *
 * @throws Error where the decoder's rules may take for ever, or make a long text of a short one.
 */
function refuseCostlyDecoder(definition: object): void {
  if ('decoder' in definition && mayExplode(definition.decoder))
    throw new Error('its decoder has a regular expression or replacements that may take for ever');
}

class LoadedTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly specialIds: ReadonlySet<number>;
  readonly maskId: number | undefined;
  readonly continuationPrefix: string | undefined;
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #locator: TokenLocator;
  readonly #single: readonly LayoutItem[];
  readonly #pair: readonly LayoutItem[];

  constructor(
    tokenizer: HuggingFaceTokenizer,
    config: object,
    readonly mayExplode: boolean,
  ) {
    this.#tokenizer = tokenizer;
    this.#locator = new TokenLocator(tokenizer, config);
    const layout = (texts: 1 | 2): readonly LayoutItem[] => {
      const items = layoutOf(tokenizer.post_processor, texts);
      return givesSegments(config) ? items : items.map(item => ({ ...item, typeId: 0 }));
    };
    this.#single = layout(1);
    this.#pair = layout(2);
    this.vocabularySize = tokenizer.model.vocab.length;
    this.specialIds = specialIds(tokenizer, config);
    this.maskId = maskId(tokenizer, config);
    const { model } = tokenizer;
    this.continuationPrefix = model instanceof WordPiece ? model.config.continuing_subword_prefix : undefined;
  }

  encode(text: string, options: { addSpecialTokens?: boolean } = {}): number[] {
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens: options.addSpecialTokens ?? true });
    // A character outside a vocabulary without an unknown token has no id: it is left out, as in Hugging
    // Face's own.
    return ids.filter(id => id !== undefined);
  }

  encodeWithOffsets(text: string, pair?: string): Encoding {
    const texts = [this.#locator.locate(text), pair === undefined ? [] : this.#locator.locate(pair)];
    const ids: number[] = [];
    const typeIds: number[] = [];
    const origins: (TokenOrigin | undefined)[] = [];
    for (const item of pair === undefined ? this.#single : this.#pair) {
      const { typeId } = item;
      if ('special' in item) {
        const id = this.#locator.id(item.special);
        if (id === undefined) continue;
        ids.push(id);
        typeIds.push(typeId);
        origins.push(undefined);
      } else {
        for (const { id, start, end } of texts[item.text]!) {
          ids.push(id);
          typeIds.push(typeId);
          origins.push({ text: item.text, start, end });
        }
      }
    }
    return { ids, typeIds, origins };
  }

  decode(ids: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const skip = options.skipSpecialTokens ?? true;
    const known = ids.filter(id => this.token(id) !== undefined && !(skip && this.specialIds.has(id)));
    if (known.length === 0) return '';
    // "Clean-up" removes spaces before punctuation, even those that the text had: no text would survive a
    // round trip.
    return this.#tokenizer.decode(known, { clean_up_tokenization_spaces: false });
  }

  token(id: number): string | undefined {
    return this.#tokenizer.id_to_token(id);
  }

  id(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }
}

/**
 * The added tokens marked special in `tokenizer.json`, and the `additional_special_tokens` of the config, which newer
 * files call `extra_special_tokens`: a list, or an object of tokens by names.
 */
function specialIds(tokenizer: HuggingFaceTokenizer, config: object): Set<number> {
  const ids = new Set<number>();
  for (const [id, token] of tokenizer.get_added_tokens_decoder()) if (token.special) ids.add(id);
  const { additional_special_tokens: older, extra_special_tokens: newer } = config as Record<string, unknown>;
  for (const entry of [older, newer].flatMap(named => Object.values(Object(named) as object) as unknown[])) {
    const id = configuredId(tokenizer, entry);
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/** False where `model_input_names` of the config leaves segments out: the model then gets none, that is zeros. */
function givesSegments(config: object): boolean {
  const names: unknown = 'model_input_names' in config ? config.model_input_names : undefined;
  return !Array.isArray(names) || names.includes('token_type_ids');
}

/** The config's `mask_token`; where it says nothing, BERT's or RoBERTa's if the vocabulary has it. */
function maskId(tokenizer: HuggingFaceTokenizer, config: object): number | undefined {
  const tokens: unknown[] = 'mask_token' in config ? [config.mask_token] : ['[MASK]', '<mask>'];
  return tokens.map(token => configuredId(tokenizer, token)).find(id => id !== undefined);
}

/** The id of a token that `tokenizer_config.json` names, as a string or as an object. */
function configuredId(tokenizer: HuggingFaceTokenizer, entry: unknown): number | undefined {
  const content = typeof entry === 'object' && entry !== null && 'content' in entry ? entry.content : entry;
  return typeof content === 'string' ? tokenizer.token_to_id(content) : undefined;
}
