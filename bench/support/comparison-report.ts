import { availableParallelism, cpus, release } from 'node:os';
import { linePlot } from './plot.js';
import { median } from './statistics.js';

/** One load on one server. */
export interface Measurement {
  /** Tokens/s of all streams together, from the first request to the last token. */
  readonly rate: number;
  /** Time to the first token, p50 and p95 in ms. */
  readonly firstToken: readonly [number, number];
  /** Time between two tokens of a stream, p50 and p95 in ms. */
  readonly between: readonly [number, number];
}

/** Some streams, without and with long prompts coming in. */
export interface MixedLoad {
  /** Times between two tokens of a stream, p50, p95 and the longest in ms. */
  readonly alone: readonly number[];
  readonly mixed: readonly number[];
  /** Time to the first token of a long prompt, in ms. */
  readonly firstToken: number;
}

/** Both sides in one precision; the first of each pair is Kvasir. */
export interface Comparison {
  readonly precision: string;
  readonly decode: readonly {
    readonly clients: number;
    readonly sides: readonly (readonly Measurement[])[];
  }[];
  /** Prompt tokens/s, by round. */
  readonly prefill: readonly (readonly number[])[];
  readonly mixed: readonly MixedLoad[];
  /** Peak resident bytes. */
  readonly memory: readonly number[];
  /**
   * Tokens/s of transformers.js, by round; empty where it was not measured. It knows no requests: they are run one by one, or by somebody who
   * has `clients` of them at the same time in one batch.
   */
  readonly transformers: {
    readonly clients: number;
    readonly oneByOne: readonly number[];
    readonly batched: readonly number[];
  };
}

export interface Circumstances {
  readonly peer: string;
  readonly rounds: number;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly prefillTokens: number;
  readonly longPromptTokens: number;
  readonly shape: string;
  /** File beside the report. */
  readonly plot: string;
}

/** Table and plot of a comparison. */
export function report(
  comparisons: readonly Comparison[],
  {
    peer,
    rounds,
    promptTokens,
    tokens,
    prefillTokens,
    longPromptTokens,
    shape,
    plot: plotFile,
  }: Circumstances,
): { markdown: string; plot: string } {
  const lines = [
    '# Kvasir and llama.cpp',
    '',
    `\`npm run bench\` on ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), Linux ${release().split('-')[0]}, Node.js ${process.versions.node}. Peer: ${peer}, on the same weights: random, in the shape of ${shape}. Both servers run at the same time and take turns; ${rounds} rounds, medians. Clients stream completions of ${tokens} tokens after prompts of ${promptTokens}; tokens/s are those of all streams together, from the first request to the last token. int8 and w8a8 meet llama.cpp's Q8_0, int4 its Q4_0. Keys and values are in float32 in Kvasir and float16 in llama.cpp, its default.`,
    '',
    `![Tokens per second by clients](${plotFile})`,
  ];
  for (const { precision, decode, prefill, mixed, memory, transformers } of comparisons) {
    lines.push(
      '',
      `## ${precision}`,
      '',
      '| clients | Kvasir, tokens/s | llama.cpp, tokens/s | ratio (min–max) | first token p50 / p95, ms: Kvasir | llama.cpp | between tokens p50 / p95, ms: Kvasir | llama.cpp |',
      '| --: | --: | --: | --- | --: | --: | --: | --: |',
    );
    for (const { clients, sides } of decode) {
      const [ours, theirs] = sides as [readonly Measurement[], readonly Measurement[]];
      const ratios = ours.map(({ rate }, i) => rate / theirs[i]!.rate);
      lines.push(
        row(
          String(clients),
          rate(ours),
          rate(theirs),
          spread(ratios),
          times(ours.map(({ firstToken }) => firstToken)),
          times(theirs.map(({ firstToken }) => firstToken)),
          times(ours.map(({ between }) => between)),
          times(theirs.map(({ between }) => between)),
        ),
      );
    }
    const { clients, oneByOne, batched } = transformers;
    if (batched.length > 0) {
      const kvasir = decode.find(at => at.clients === clients)!.sides[0]!;
      const times = (rates: readonly number[]): string =>
        `${median(rates).toFixed(0)} tokens/s, and Kvasir with ${clients} clients is ${spread(kvasir.map(({ rate }, i) => rate / rates[i]!))} times as fast`;
      lines.push(
        '',
        `transformers.js runs requests one by one: ${times(oneByOne)}. In one batch of ${clients} rows that all start and end together it makes ${times(batched)}.`,
      );
    }
    const [ours, theirs] = prefill as [readonly number[], readonly number[]];
    const ratios = ours.map((value, i) => value / theirs[i]!);
    lines.push(
      '',
      '| | Kvasir | llama.cpp | ratio |',
      '| --- | --: | --: | --- |',
      row(
        `prompt of ${prefillTokens} tokens, tokens/s`,
        median(ours).toFixed(0),
        median(theirs).toFixed(0),
        spread(ratios),
      ),
      ...(['p50', 'p95', 'longest'] as const).map((name, q) =>
        row(
          `between tokens of 8 streams, ${name}, without → with long prompts, ms`,
          ...mixed.map(
            ({ alone, mixed: with_ }) =>
              `${alone[q]!.toFixed(0)} → ${with_[q]!.toFixed(0)} (×${(with_[q]! / alone[q]!).toFixed(2)})`,
          ),
          '',
        ),
      ),
      row(
        `first token of a prompt of ${longPromptTokens} tokens beside 8 streams, ms`,
        ...mixed.map(({ firstToken }) => firstToken.toFixed(0)),
        '',
      ),
      row('peak resident memory, MiB', ...memory.map(bytes => (bytes / 2 ** 20).toFixed(0)), ''),
    );
  }
  const plot = linePlot(
    comparisons.map(({ precision, decode }) => ({
      title: `${precision}, tokens/s`,
      x: decode.map(({ clients }) => clients),
      lines: ['Kvasir', 'llama.cpp'].map((name, side) => ({
        name,
        y: decode.map(({ sides }) => median(sides[side]!.map(measurement => measurement.rate))),
      })),
    })),
    'clients',
  );
  return { markdown: `${lines.join('\n')}\n`, plot };
}

function row(...cells: string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function rate(measurements: readonly Measurement[]): string {
  return median(measurements.map(measurement => measurement.rate)).toFixed(0);
}

function spread(ratios: readonly number[]): string {
  return `**${median(ratios).toFixed(2)}** (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
}

function times(pairs: readonly (readonly [number, number])[]): string {
  return [0, 1].map(q => median(pairs.map(pair => pair[q]!)).toFixed(0)).join(' / ');
}
