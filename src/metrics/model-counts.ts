import { Counter, Gauge, type Registry } from 'prom-client';
import type { Model, ModelRegistry, ModelStats } from '#registry/types.js';

/** A number that a model knows by itself; undefined for models without the part that counts it. */
interface ModelNumber {
  readonly name: string;
  readonly help: string;
  readonly of: (stats: ModelStats) => number | undefined;
}

/** Of this moment. */
const GAUGES: readonly ModelNumber[] = [
  {
    name: 'vllm:num_requests_running',
    help: 'Sequences, inputs of an encoder, or calls of a raw model, that are being run.',
    of: ({ engine, encoder, tensors }) => (engine ?? encoder ?? tensors)?.running,
  },
  {
    name: 'vllm:num_requests_waiting',
    help: 'Sequences, inputs of an encoder, or calls of a raw model, that wait for their turn.',
    of: ({ engine, encoder, tensors }) => (engine ?? encoder ?? tensors)?.waiting,
  },
  {
    name: 'vllm:kv_cache_usage_perc',
    help: 'Share of the KV cache that running sequences hold; 1 is all of it.',
    of: ({ engine }) => engine && engine.activeTokens / engine.cacheCapacity,
  },
  {
    name: 'kvasir_kv_cache_tokens',
    help: 'Tokens in the KV cache, those that ended sequences left for others included.',
    of: ({ engine }) => engine?.cachedTokens,
  },
  {
    name: 'kvasir_kv_cache_capacity_tokens',
    help: 'Tokens that the KV cache may hold.',
    of: ({ engine }) => engine?.cacheCapacity,
  },
  { name: 'kvasir_slots', help: 'Sequences that can run at once.', of: ({ engine }) => engine?.slots },
];

/** Numbers since the start; they never fall, even when a model is unloaded. */
const COUNTERS: readonly ModelNumber[] = [
  {
    name: 'vllm:prompt_tokens_total',
    help: 'Tokens of prompts.',
    of: ({ engine }) => engine?.promptTokens,
  },
  {
    name: 'vllm:generation_tokens_total',
    help: 'Tokens generated.',
    of: ({ engine }) => engine?.generatedTokens,
  },
  {
    name: 'vllm:prefix_cache_queries_total',
    help: 'Tokens of prompts that were looked for in the KV cache.',
    of: ({ engine }) => engine?.promptTokens,
  },
  {
    name: 'vllm:prefix_cache_hits_total',
    help: 'Tokens of prompts that were found in the KV cache.',
    of: ({ engine }) => engine?.reusedPromptTokens,
  },
  {
    name: 'vllm:num_preemptions_total',
    help: 'Sequences that gave their slot back to others, and were run again.',
    of: ({ engine }) => engine?.preemptions,
  },
  {
    name: 'vllm:spec_decode_num_draft_tokens_total',
    help: 'Tokens that were drafted.',
    of: ({ engine }) => engine?.draftedTokens,
  },
  {
    name: 'vllm:spec_decode_num_accepted_tokens_total',
    help: 'Drafted tokens that were right.',
    of: ({ engine }) => engine?.acceptedTokens,
  },
  {
    name: 'kvasir_encoder_batches_total',
    help: 'Batches that an encoder ran.',
    of: ({ encoder }) => encoder?.batches,
  },
  {
    name: 'kvasir_encoder_tokens_total',
    help: 'Tokens of inputs that an encoder ran.',
    of: ({ encoder }) => encoder?.tokens,
  },
  {
    name: 'kvasir_encoder_padding_tokens_total',
    help: 'Tokens of padding that ran beside them.',
    of: ({ encoder }) => encoder?.padding,
  },
  {
    name: 'kvasir_raw_runs_total',
    help: 'Runs of a raw model.',
    of: ({ tensors }) => tensors?.runs,
  },
];

/** Reads the models' own counts whenever Prometheus asks. */
export class ModelCounts {
  /** Counts of models that were unloaded, by counter and model. */
  readonly #past = new Map<string, Map<string, number>>();

  constructor(models: ModelRegistry, registers: Registry[]) {
    const labelNames = ['model_name'];
    for (const { name, help, of } of GAUGES)
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const model of models.loaded()) {
            const value = of(model.stats());
            if (value !== undefined) this.set({ model_name: model.id }, value);
          }
        },
      });
    for (const { name, help, of } of COUNTERS) {
      const past = new Map<string, number>();
      this.#past.set(name, past);
      new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          const totals = new Map(past);
          for (const model of models.loaded()) {
            const value = of(model.stats());
            if (value !== undefined) totals.set(model.id, (past.get(model.id) ?? 0) + value);
          }
          for (const [model, total] of totals) this.inc({ model_name: model }, total);
        },
      });
    }
    this.#countLoads(models, registers);
  }

  #countLoads(models: ModelRegistry, registers: Registry[]): void {
    const labelNames = ['model_name'];
    new Gauge({
      name: 'kvasir_model_loaded',
      help: '1 while a model is loaded, else 0.',
      labelNames,
      registers,
      collect() {
        for (const { id, state } of models.entries())
          this.set({ model_name: id }, state === 'loaded' ? 1 : 0);
      },
    });
    const failures = new Counter({
      name: 'kvasir_model_load_failures_total',
      help: 'Loads of a model that failed.',
      labelNames,
      registers,
    });
    models.observe({
      failed: id => failures.inc({ model_name: id }),
      unloading: model => this.#remember(model),
    });
  }

  #remember(model: Model): void {
    const stats = model.stats();
    for (const { name, of } of COUNTERS) {
      const value = of(stats);
      const past = this.#past.get(name)!;
      if (value !== undefined) past.set(model.id, (past.get(model.id) ?? 0) + value);
    }
  }
}
