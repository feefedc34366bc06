import { Command, Option } from 'commander';
import { PRECISIONS } from '#graph/precision.js';
import { leftoverWarnings, patternsOf } from '#graph/weights/leftovers.js';
import { WEIGHTS_FORMATS } from '#model/weights-format.js';
import { readCard } from '#registry/read-card.js';
import { formatBytes } from '#bytes.js';
import { inspectModel, type InspectOptions, type ModelReport, type PortReport } from '#model/inspect.js';
import { modelFolder } from './model-folder.js';
import { wholeNumber } from './whole-number.js';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Tell what a model folder is, how it would run, and what memory it would take.')
    .argument('<model>', 'a model folder, a GGUF file, or ollama:NAME:TAG')
    .addOption(
      new Option('--slots <number>', 'sequences at once, for the memory')
        .default(16)
        .argParser(wholeNumber(1, 4096)),
    )
    .addOption(
      new Option(
        '--context-length <tokens>',
        "longest sequence, for the memory; default: the model's own",
      ).argParser(wholeNumber(2)),
    )
    .addOption(new Option('--precision <format>', 'numbers to run in').choices(PRECISIONS))
    .addOption(
      new Option('--format <format>', 'weights to take where there are both').choices(WEIGHTS_FORMATS),
    )
    .option('--subfolder <folder>', "a folder of the model's to take instead of its root")
    .option('--json', 'print everything as JSON')
    .action(async (place: string, { json, subfolder, ...options }: Settings) => {
      const folder = await modelFolder(place, { subfolder });
      await readCard(folder, { ...options, withTokenizer: true });
      const report = await inspectModel(folder, options);
      process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
    });
}

type Settings = InspectOptions & { readonly json?: boolean; readonly subfolder?: string };

type SourceReport = NonNullable<NonNullable<ModelReport['generation']>['source']>;

type Sampling = NonNullable<NonNullable<ModelReport['generation']>['sampling']>;

type Line = readonly [label: string, value: string | number | undefined];

/** Describes a model to people: one line for each fact that is known. */
export function describe(report: ModelReport): string {
  const { architecture, vocabularySize, path, weights, parameters, weightBytes } = report;
  const lines: Line[] = [
    ['model', `${report.kind}${architecture ? `, ${architecture}` : ''}`],
    ['runs', `${path.kind}: ${path.reason}`],
    ['parameters', formatCount(parameters)],
    [
      'weights',
      `${formatBytes(weightBytes)} on disk (${weights
        .map(({ type, tensors, bytes, asStored }) => {
          const form = path.precision === 'stored' && asStored ? `, run in ${asStored.form}` : '';
          return `${type} ${formatBytes(bytes)} in ${tensors}${form}`;
        })
        .join('; ')})`,
    ],
    ['context', contextLine(report)],
    ['vocabulary', vocabularySize],
    ['loaded', report.generation ? undefined : `about ${formatBytes(report.loadedBytes)} of weights`],
    ...generationLines(report),
    ...encoderLines(report),
    ...visionLines(report),
    ...graphLines(report),
    ...leftoverLines(report),
  ];
  const known = lines.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...known.map(([label]) => label.length));
  return known.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join('');
}

function contextLine({ kind, contextLength }: ModelReport): string | undefined {
  if (contextLength !== undefined) return `${contextLength} tokens`;
  return kind === 'raw' || kind === 'vision' ? undefined : 'not said';
}

function generationLines({ generation }: ModelReport): Line[] {
  if (generation === undefined) return [];
  const { layers, heads, kvHeads, headSize, cacheBytesPerToken, source, memory } = generation;
  const { sampling = {}, warnings = [] } = generation;
  const queries = heads === undefined ? '' : `${heads} query heads, `;
  return [
    ['layers', layers],
    ['heads', `${queries}${kvHeads} key and value heads of ${headSize}`],
    ['KV cache', `${formatBytes(cacheBytesPerToken)} per token`],
    ['source', source && sourceLine(source)],
    ['sampling', samplingLine(sampling)],
    ...warnings.map(warning => ['warning', warning] as const),
    [
      'memory',
      memory &&
        `about ${formatBytes(memory.weights + memory.cache)} with ${memory.slots} full slots: weights ${formatBytes(memory.weights)}, KV cache ${formatBytes(memory.cache)}`,
    ],
  ];
}

function samplingLine(sampling: Sampling): string {
  const named = Object.entries(sampling).map(([name, value]) => `${name} ${value as number}`);
  return named.length === 0
    ? ''
    : `${named.join(', ')} where a request does not say (generation_config.json)`;
}

/** Samples a second. */
const RATE = 16_000;

function sourceLine({ longest, layers, cacheBytesPerToken, sound }: SourceReport): string {
  if (sound === undefined)
    return `up to ${longest} tokens, ${layers} layers; ${formatBytes(cacheBytesPerToken)} per token`;
  if (!('bins' in sound))
    return `${sound.shortest / RATE} to ${sound.longest / RATE} s of sound, ${layers} layers; ${formatBytes(cacheBytesPerToken * longest)} for the longest`;
  const seconds = sound.frames / 100;
  return `sound in windows of ${seconds} s, ${sound.bins} frequencies, ${layers} layers; ${formatBytes(cacheBytesPerToken * longest)} per window`;
}

function encoderLines({ encoder }: ModelReport): Line[] {
  if (encoder === undefined) return [];
  const { task, layers, hiddenSize, pooling, normalize, labels, similarity, prompts = [] } = encoder;
  const { defaultPrompt } = encoder;
  return [
    ['task', task],
    ['layers', layers],
    ['hidden size', hiddenSize],
    ['pooling', `${pooling.join(' and ')}${normalize ? ', normalized' : ''}`],
    ['prompts', prompts.join(', ')],
    ['default', defaultPrompt && `${JSON.stringify(defaultPrompt)} in front of each text`],
    ['compared', similarity === 'cosine' ? undefined : similarity && `by ${similarity}`],
    ['labels', labels.join(', ')],
  ];
}

function visionLines({ vision }: ModelReport): Line[] {
  if (vision === undefined) return [];
  const { task, layers, hiddenSize, size, tokens, labels } = vision;
  return [
    ['task', task],
    ['layers', layers],
    ['hidden size', hiddenSize],
    [
      'pictures',
      `${size.width}x${size.height} pixels${tokens === undefined ? '' : `, ${tokens} tokens each`}`,
    ],
    ['labels', labels.join(', ')],
  ];
}

function leftoverLines({ leftovers }: ModelReport): Line[] {
  if (leftovers === undefined) return [];
  const heads = patternsOf(leftovers.heads.map(name => name.replace(/\.(weight|bias)$/, '')));
  return [
    ['not used', heads.length === 0 ? '' : `other heads: ${heads.join(', ')}`],
    ...leftoverWarnings(leftovers).map(warning => ['warning', warning] as const),
  ];
}

function graphLines({ graphs = [] }: ModelReport): Line[] {
  return graphs.flatMap(({ file, inputs, outputs, operators }) => [
    ['graph', file] as const,
    ['inputs', ports(inputs)] as const,
    ['outputs', ports(outputs)] as const,
    [
      'operators',
      Object.entries(operators)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
    ] as const,
  ]);
}

/**
 * Describes ports; those that differ only in a number in their names count as one,
 * `past_key_values.0-29.key`.
 */
function ports(list: readonly PortReport[]): string {
  const groups = new Map<string, { first: PortReport; layers: string[] }>();
  for (const port of list) {
    const pattern = `${port.name.replace(/\d+/, '#')} ${port.type} ${port.shape.join()}`;
    const group = groups.get(pattern);
    const layer = /\d+/.exec(port.name)?.[0] ?? '';
    if (group === undefined) groups.set(pattern, { first: port, layers: [layer] });
    else group.layers.push(layer);
  }
  return [...groups.values()]
    .map(({ first: { name, type, shape }, layers }) => {
      const shown = layers.length > 1 ? name.replace(/\d+/, `${layers[0]}-${layers.at(-1)}`) : name;
      return `${shown} ${type} [${shape.join(', ')}]`;
    })
    .join(', ');
}

/** Formats a count for people: `134.5 M`. */
function formatCount(count: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  return `${Number((count / 1000 ** power).toPrecision(4))}${units[power]}`;
}
