import { loadChatTemplate } from '#chat/template.js';
import { readGenerationConfig } from '#model/generation-config.js';
import { readSamplingConfig } from '#model/sampling-config.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import type { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { IsolatedTemplate } from '#offload/isolated-template.js';
import { STRANGERS } from '#offload/pools.js';
import { generationModel } from './models.js';
import { loadedGenerator, type GenerationOptions } from './loaded-generator.js';
import type { GenerationModel } from './types.js';

/**
 * Loads a model folder in the Hugging Face layout as a generator.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadGeneration(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<GenerationModel> {
  const texts = new Beside(() => readTexts(folder, options));
  const loaded = await loadDecoder(environment, folder, {
    ...options,
    onProgress: progress => {
      texts.start();
      texts.requireNoFailure();
      options.onProgress?.(progress);
    },
    onBuilt: () => {
      texts.start();
    },
  });
  try {
    const { tokenizer, chat, ...read } = await texts.result();
    return generationModel({
      ...loadedGenerator(folder, tokenizer, loaded, options),
      ...read,
      chat: chat && new IsolatedTemplate(chat, STRANGERS),
    });
  } catch (error) {
    loaded.decoder.dispose();
    throw error;
  }
}

/** What a generator's folder says of texts. */
async function readTexts(folder: string, options: GenerationOptions) {
  const tokenizer = await loadTokenizer(folder);
  const chat = await loadChatTemplate(folder, tokenizer);
  const { bosId, eosIds } = await readGenerationConfig(folder, tokenizer);
  const sampling = await readSamplingConfig(folder, options.generationConfig, options.onWarning);
  return { tokenizer, chat, bosId, eosIds, sampling };
}

/** Work that keeps this thread busy, begun as soon as other threads are busy for it. */
class Beside<Result> {
  readonly #work: () => Promise<Result>;
  #running: Promise<Result> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(work: () => Promise<Result>) {
    this.#work = work;
  }

  /** Begins, if it has not begun. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#work();
    this.#running.catch((error: unknown) => (this.#failure = { error }));
  }

  /** Throws what the work has failed with. */
  requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  result(): Promise<Result> {
    this.start();
    return this.#running!;
  }
}
