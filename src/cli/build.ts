import { stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { KvasirError } from '#errors.js';
import type { BuildOptions } from '#graph/build.js';
import { CACHE_KINDS, type CacheKind } from '#graph/cache-kind.js';
import { PRECISIONS } from '#graph/precision.js';
import { buildModel } from '#model/build.js';
import { readCard } from '#registry/read-card.js';
import { formatBytes } from '#bytes.js';
import { showBuild } from './build-progress.js';
import { modelFolder } from './model-folder.js';
import { formatDuration } from './pull-progress.js';
import { wholeNumber } from './whole-number.js';

export function buildCommand(): Command {
  return new Command('build')
    .description(
      'Build the graph of a model folder ahead of time, as serve would at its start, and print its file.',
    )
    .argument('<model>', 'a model folder, a GGUF file, or ollama:NAME:TAG')
    .addOption(
      new Option('--precision <format>', 'numbers to store the weights in; default: f32').choices(PRECISIONS),
    )
    .addOption(
      new Option('--device <device>', 'what the graph is to run on').choices(['cpu', 'cuda']).default('cpu'),
    )
    .addOption(
      new Option('--kv-cache <layout>', 'as serve has it; pages are for CUDA')
        .choices(CACHE_KINDS)
        .default('slots'),
    )
    .addOption(
      new Option(
        '--context-length <tokens>',
        "longest sequence to serve, as serve has it; default: the model's own",
      ).argParser(wholeNumber(2)),
    )
    .action(build);
}

interface BuildSettings extends Pick<BuildOptions, 'precision' | 'contextLength'> {
  readonly device: 'cpu' | 'cuda';
  readonly kvCache: CacheKind;
}

async function build(place: string, { device, kvCache, ...options }: BuildSettings): Promise<void> {
  if (kvCache === 'paged' && device !== 'cuda')
    throw new KvasirError('invalid_configuration', 'a paged KV cache is for --device cuda only');
  const folder = await modelFolder(place);
  await readCard(folder, { ...options, withTokenizer: true });
  const progress = showBuild(process.stderr);
  let interrupted = false;
  // The first stops the build, which cleans up; the second ends the process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (interrupted = true));
  const started = performance.now();
  let written = false;
  const { graphPath, path } = await buildModel(folder, {
    ...options,
    cache: kvCache,
    ...(device === 'cuda' && { halfFloats: true, precision: options.precision ?? 'f16' }),
    onDamaged: fault => void process.stderr.write(`${fault}\n`),
    onProgress: state => {
      if (interrupted) throw new KvasirError('cancelled', 'interrupted; nothing is left of the build');
      written = true;
      progress.show(state);
    },
  }).finally(() => progress.end());
  const seconds = (performance.now() - started) / 1000;
  const size = formatBytes(await graphBytes(graphPath));
  const result =
    path.kind !== 'built'
      ? `nothing to build: ${path.reason}`
      : written
        ? `built as ${path.precision}: ${size} in ${formatDuration(seconds)}`
        : `built before as ${path.precision}: ${size}`;
  process.stderr.write(`${result}\n`);
  process.stdout.write(`${graphPath}\n`);
}

/** Bytes of a graph with its weights beside it. */
async function graphBytes(graphPath: string): Promise<number> {
  const sizes = await Promise.all(
    [graphPath, `${graphPath}.data`].map(async file => (await stat(file).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
