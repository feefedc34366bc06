import { cpus } from 'node:os';
import { LLAMA32_1B } from '../support/random-model.js';
import type { CudaReport } from '#runtime/index.js';
import type { Agreement } from './agreement.js';
import type { MemoryFigures } from './memory.js';
import type { RequestFigures } from './requests.js';
import type { ServingFigures } from './serving.js';
import type { StepFigures } from './steps.js';

/** What the parts of the bench gave; a text instead where a part failed. */
export interface CudaFigures {
  report: CudaReport;
  agreement: { variant: readonly string[]; models: Agreement[] | string }[];
  requests: { variant: readonly string[]; outcome: RequestFigures | string }[];
  serving: { variant: readonly string[]; outcome: ServingFigures | string }[];
  steps: { variant: readonly string[]; outcome: StepFigures | string }[];
  memory: MemoryFigures | string | undefined;
}

/** Bits of a weight in the matrices of a precision, scales of blocks of 64 included. */
const BITS: Readonly<Record<string, number>> = { f16: 16, bf16: 16, int8: 8.25, int4: 4.5 };

/** All figures, in Markdown. */
export function cudaReport(figures: CudaFigures): string {
  const { report, agreement, requests, serving, steps, memory } = figures;
  const gpus = report.gpus.map(({ name }) => name).join(', ');
  const parts = [
    `# On an NVIDIA GPU\n\n\`npm run bench:cuda\` on ${gpus} (driver up to CUDA ${report.driver}), ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node.js ${process.versions.node}, ONNX Runtime ${report.runtime}. Speed is measured in the shape of Llama-3.2-1B, with random weights.`,
    agreement.length > 0 && agreementTable(agreement),
    requests.length > 0 && requestsTable(requests),
    serving.length > 0 && servingTable(serving),
    steps.length > 0 && stepsTables(steps, typeof memory === 'object' ? memory.bandwidth : undefined),
    memory !== undefined && memoryTable(memory),
  ];
  return `${parts.filter(part => part !== false).join('\n\n')}\n`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = header.map((_, i) => (i === 0 ? '---' : '--:'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

function agreementTable(agreement: CudaFigures['agreement']): string {
  const all = agreement.flatMap(({ models }) => (typeof models === 'string' ? [] : models));
  const names = [...new Set(all.map(({ model }) => model))];
  const cell = (models: Agreement[] | string, name: string): string => {
    if (typeof models === 'string') return models;
    const found = models.find(({ model }) => model === name);
    if (found?.error === undefined || found.median === undefined) return '-';
    return `${found.median.toPrecision(2)} / ${found.error.toPrecision(2)}`;
  };
  const rows = names.map(name => [name, ...agreement.map(({ models }) => cell(models, name))]);
  const reasons = new Map<string, Set<string>>();
  for (const { model, why } of all) {
    if (why === undefined) continue;
    // Without the folder, which is another one each time.
    const reason = why.replace(/^\S*kvasir-agreement-\S+: /, '');
    reasons.set(reason, (reasons.get(reason) ?? new Set()).add(model));
  }
  const unrun = [...reasons].map(([reason, models]) => `- ${[...models].join('; ')}: ${reason}`);
  return `## Agreement

How far logits are from what each architecture's formulas give in float64 on a tiny model with random weights, in units of their root mean square: the median and the largest of all ways to run it (a whole prompt, chunks, prompts together, batches of different lengths). What a precision's rounding costs is in there: so small models suffer from 4 bits, and a choice of experts that turns over by rounding is a large error of one token.

${table(['median / largest', ...agreement.map(({ variant }) => variant.join(', '))], rows)}${unrun.length > 0 ? `\n\nNot run:\n\n${unrun.join('\n')}` : ''}`;
}

function requestsTable(requests: CudaFigures['requests']): string {
  const rows = requests.map(({ variant, outcome }) =>
    typeof outcome === 'string'
      ? [variant.join(', '), outcome]
      : [
          variant.join(', '),
          String(outcome.failed),
          String(outcome.tokens),
          `${outcome.seconds.toFixed(1)} s`,
          String(outcome.reused),
          `${outcome.different} of ${outcome.compared}`,
          String(outcome.left),
        ],
  );
  return `## 1,000 requests

All at once, on 64 slots of kvasir-stories-3m: prompts of 1 to 180 tokens, a third of which begin alike, and answers of 1 to 80 tokens. Some are run again alone; an answer is different where it has another token though the one alone was sure of its own (by more than 0.1 in log probability).

${table(['', 'failed', 'tokens', 'time', 'prompt tokens reused', 'different from alone', 'left running'], rows)}`;
}

function servingTable(serving: CudaFigures['serving']): string {
  const rows = serving.flatMap(({ variant, outcome }) =>
    typeof outcome === 'string'
      ? [[variant.join(', '), outcome]]
      : outcome.loads.map(({ clients, overall, steady, firstToken, between }) => [
          variant.join(', '),
          String(clients),
          overall.toFixed(0),
          steady.toFixed(0),
          firstToken.map(ms => ms.toFixed(1)).join(' / '),
          between.map(ms => ms.toFixed(2)).join(' / '),
        ]),
  );
  const [first] = serving.flatMap(({ outcome }) => (typeof outcome === 'string' ? [] : [outcome]));
  return `## Serving

\`kvasir serve --device cuda\` with streaming clients on the same machine, which all begin at once: prompts of ${first?.promptTokens} tokens, answers of ${first?.tokens}.

${table(['', 'clients', 'tokens/s, prompts included', 'tokens/s while all stream', 'first token, ms, p50 / p95', 'between tokens, ms, p50 / p95'], rows)}`;
}

function stepsTables(steps: CudaFigures['steps'], bandwidth: number | undefined): string {
  const { hidden_size: hidden, vocab_size: vocabulary, num_hidden_layers: layers } = LLAMA32_1B;
  const { intermediate_size: inner, num_key_value_heads: kvHeads, num_attention_heads: heads } = LLAMA32_1B;
  const kv = (hidden / heads) * kvHeads;
  const matrices = layers * (2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * inner);
  /** What a step must read at least. */
  const bytes = (precision: string, rows: number, past: number): number => {
    // The vocabulary has 8 bits where matrices have 4.
    const vocabularyBits = Math.max(BITS[precision]!, BITS.int8!);
    const weights = (matrices * BITS[precision]! + vocabulary * hidden * vocabularyBits) / 8;
    return weights + rows * past * layers * 2 * kv * 2;
  };
  const rows = steps.flatMap(({ variant, outcome }) =>
    typeof outcome === 'string'
      ? [[variant.join(', '), outcome]]
      : outcome.decode.map(({ rows: count, ms, copied }) => [
          variant.join(', '),
          String(count),
          ms.toFixed(2),
          ((count * 1000) / ms).toFixed(0),
          bandwidth === undefined
            ? '-'
            : `${((bytes(variant[0]!, count, outcome.past) * 100_000) / ms / bandwidth).toFixed(0)} %`,
          copied ? String(Math.round(copied.up)) : '-',
          copied ? String(Math.round(copied.down)) : '-',
        ]),
  );
  const prompts = steps.flatMap(({ variant, outcome }) =>
    typeof outcome === 'string'
      ? []
      : [
          [
            variant.join(', '),
            ...outcome.prompts.map(
              ({ tokens, ms }) => `${ms.toFixed(1)} ms (${((tokens * 1000) / ms).toFixed(0)})`,
            ),
          ],
        ],
  );
  const [first] = steps.flatMap(({ outcome }) => (typeof outcome === 'string' ? [] : [outcome]));
  const speed =
    bandwidth === undefined
      ? ''
      : ` Share of bandwidth: what a step must read at least, weights and the sequences' keys and values, over what the GPU moves in that time when it copies (${(bandwidth / 1e12).toFixed(2)} TB/s, reads and writes, measured).`;
  return `## Steps

The decoder alone, without HTTP and sampling: a decode step of sequences with ${first?.past} tokens in the cache, and prompts. Copied: bytes of one step between processor and GPU, counted where the CUDA runtime is called; all of keys and values stays on the GPU, and what comes down are logits.${speed}

${table(['', 'sequences', 'ms', 'tokens/s', 'share of bandwidth', 'bytes up', 'bytes down'], rows)}

${table(['', ...(first?.prompts.map(({ tokens }) => `prompt of ${tokens} (tokens/s)`) ?? [])], prompts)}`;
}

function memoryTable(memory: MemoryFigures | string): string {
  if (typeof memory === 'string') return `## Too little memory\n\n${memory}`;
  const rows = memory.refusals.map(({ what, message }) => `- ${what}: ${message.trim()}`);
  return `## Too little memory

${rows.join('\n')}

${memory.goesOn ? 'The same process then loads the model and runs it.' : 'The process could not go on.'}`;
}
