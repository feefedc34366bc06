import { KvasirError } from '#errors.js';
import type { ModelCard } from './card.js';
import type { Model, ModelLease, ModelSource, RegistryObserver, ServedEntry } from './types.js';

/** One served model's coming and going. */
export class ModelEntry implements ServedEntry {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly #source: ModelSource;
  readonly #observer: RegistryObserver;
  #card: ModelCard | undefined;
  #model: Model | undefined;
  /** The load under way, which starts when an unload before it has ended. */
  #loading: Promise<Model> | undefined;
  #unloading: Promise<void> = Promise.resolve();
  #leases = 0;
  #failure: { readonly error: unknown; readonly until: number } | undefined;
  /** True before the load at the start has come to its end. */
  #due: boolean;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(model: Model | ModelSource, observer: RegistryObserver) {
    this.id = model.id;
    this.#observer = observer;
    if ('load' in model) {
      this.aliases = model.aliases ?? [];
      this.#source = model;
    } else {
      this.aliases = [];
      this.#source = { id: model.id, card: model.card, load: async () => model };
      this.#model = model;
    }
    this.#card = this.#source.card;
    this.#due = this.#source.atStart ?? false;
  }

  get card(): ModelCard | undefined {
    return this.#card;
  }

  get model(): Model | undefined {
    return this.#model;
  }

  get state(): ServedEntry['state'] {
    if (this.#model !== undefined) return 'loaded';
    if (this.#loading !== undefined || this.#due) return 'loading';
    return this.#failure === undefined ? 'unloaded' : 'failed';
  }

  /** True until the load that is due at the start has come to its end. */
  get isDue(): boolean {
    return this.#due;
  }

  /** Says what is known of a model that is not loaded, or why nothing is. */
  describe(known: { readonly card: ModelCard } | { readonly error: unknown }): void {
    if ('card' in known) this.#card ??= known.card;
    else this.#failure ??= { error: known.error, until: 0 };
  }

  async acquire(): Promise<ModelLease> {
    // From here on, so that it is not unloaded between the end of its load and the turn of those who waited
    // for it.
    this.#hold();
    try {
      if (this.#closed) throw new KvasirError('shutting_down', 'the server is shutting down');
      if (this.#model === undefined && performance.now() < (this.#failure?.until ?? 0))
        throw this.#failure!.error;
      const model = this.#model ?? (await (this.#loading ??= this.#load()));
      let held = true;
      const release = (): void => {
        if (held) this.#release();
        held = false;
      };
      return { model, release };
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#loading?.catch(() => undefined);
    await this.#unload();
  }

  async #load(): Promise<Model> {
    const started = performance.now();
    try {
      await this.#unloading;
      const model = await this.#source.load();
      this.#model = model;
      this.#failure = undefined;
      this.#card ??= model.card;
      this.#observer.loaded?.(model, performance.now() - started);
      return model;
    } catch (error) {
      this.#failure = { error, until: performance.now() + (this.#source.retryMs ?? 0) };
      this.#observer.failed?.(this.id, error);
      throw error;
    } finally {
      this.#loading = undefined;
      this.#due = false;
    }
  }

  /** Resolves when its memory is free. */
  async #unload(): Promise<void> {
    const model = this.#model;
    if (model !== undefined) {
      this.#model = undefined;
      this.#observer.unloading?.(model);
      this.#unloading = model.close().catch((error: unknown) => this.#observer.failed?.(this.id, error));
    }
    await this.#unloading;
  }

  #hold(): void {
    this.#leases++;
    clearTimeout(this.#idle);
  }

  #release(): void {
    this.#leases--;
    const { idleMs } = this.#source;
    if (this.#leases > 0 || idleMs === undefined || this.#closed) return;
    this.#idle = setTimeout(() => void this.#unload(), idleMs);
    this.#idle.unref();
  }
}
