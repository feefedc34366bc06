import { paddedHeadSize } from '../blocks/attention-projections.js';
import { halfSplitOrder, inverseFrequencies, rotaryTables, type RotaryTables } from '../blocks/rotary.js';
import { MOST, type ModelConfig } from '../config.js';
import type { DecoderSizes, DecoderSource } from './decoder-source.js';

const LONGROPE_FIELDS = [
  'short_factor',
  'long_factor',
  'factor',
  'attention_factor',
  'original_max_position_embeddings',
];

/** Rotary positions of a head. */
export interface Rope {
  /** Angle per position of each pair of features. */
  readonly frequencies: readonly number[];
  /** Factor of cosines and sines. */
  readonly magnitude: number;
  /** True if neighbouring features turn against each other; default: those of one half against those of the other. */
  readonly interleaved?: boolean;
}

/**
 * Reads `rope_theta` with `rope_scaling`, or `rope_parameters`, which newer files have instead.
 *
 * @param section where to look first; by default one of the two.
 * @throws KvasirError `unsupported_model` for a way of scaling that is not known
 */
export function readRope(
  config: ModelConfig,
  sizes: Pick<DecoderSizes, 'headSize' | 'contextLength'>,
  section = ropeSection(config),
): Rope {
  const field = <T>(read: (from: ModelConfig) => T, name: string): T =>
    read(section?.has(name) ? section : config);
  const theta = field(from => from.positive('rope_theta', 10_000), 'rope_theta');
  const share = field(from => from.positive('partial_rotary_factor', 1), 'partial_rotary_factor');
  const unscaled = (): Rope => {
    const features = Math.floor(sizes.headSize * share);
    if (features % 2 !== 0) config.invalid(`${features} features of a head cannot be turned in pairs`);
    return { frequencies: inverseFrequencies(features, theta), magnitude: 1 };
  };
  if (section === undefined) return unscaled();
  warnOfUnread(section, config);
  switch (ropeType(section)) {
    case 'default':
      return unscaled();
    // Dynamic scaling starts where a sequence is longer than max_position_embeddings, which none is here.
    case 'dynamic':
      section.warn(
        'dynamic scaling is as in transformers: none within max_position_embeddings, which no text exceeds; vLLM scales texts of all lengths',
      );
      return unscaled();
    case 'linear':
      return stretch(unscaled(), () => section.positive('factor'));
    case 'llama3':
      return llama3(unscaled(), section, config);
    case 'yarn':
      return yarn(unscaled(), theta, section, config);
    case 'longrope':
    case 'su':
      return longRope(unscaled(), section, config, sizes);
    case 'proportional':
      return proportional(theta, share, sizes.headSize, section);
  }
}

/** The section of config.json that describes rotary positions, in older and newer files. */
export function ropeSection(config: ModelConfig): ModelConfig | undefined {
  return config.section('rope_parameters') ?? config.section('rope_scaling');
}

/** Adds the tables of rotary positions that are the same in all layers. */
export function rotaryOf(
  source: Pick<DecoderSource, 'graph' | 'config' | 'sizes'>,
  { interleaved = false }: Pick<Rope, 'interleaved'> = {},
): RotaryTables {
  return ropeTables(source, 'rotary', { ...readRope(source.config, source.sizes), interleaved });
}

/** GroupQueryAttention turns multiples of 16 features: eight pairs. */
const PAIRS = 8;

/** Adds the tables of a layer's rotary positions. */
export function ropeTables(
  {
    graph,
    sizes: { headSize, contextLength },
  }: Pick<DecoderSource, 'graph'> & { readonly sizes: Pick<DecoderSizes, 'headSize' | 'contextLength'> },
  name: string,
  { frequencies, magnitude, interleaved = false }: Rope,
): RotaryTables {
  const wholePairs = Math.ceil(frequencies.length / PAIRS) * PAIRS;
  const turnsAll = 2 * wholePairs >= headSize;
  const pairs = turnsAll ? paddedHeadSize(headSize) / 2 : wholePairs;
  return {
    ...rotaryTables(graph, name, frequencies, pairs, contextLength, magnitude),
    order: halfSplitOrder(
      headSize,
      2 * frequencies.length,
      turnsAll ? headSize / 2 : wholePairs,
      interleaved,
    ),
  };
}

type RopeType = (typeof ROPE_TYPES)[number];

const ROPE_TYPES = [
  'default',
  'linear',
  'dynamic',
  'llama3',
  'yarn',
  'longrope',
  'su',
  'proportional',
] as const;

export function ropeType(section: ModelConfig): RopeType {
  return section.choice(section.has('rope_type') ? 'rope_type' : 'type', ROPE_TYPES, 'default');
}

/** The context before it was scaled; the field beside the section wins, as in transformers. */
export function originalContext(section: ModelConfig, config: ModelConfig): number {
  const name = 'original_max_position_embeddings';
  return (config.has(name) ? config : section).size(name, config.size('max_position_embeddings'));
}

/**
 * The longest context that positions are made for: `max_position_embeddings`; with YaRN as long as the original one
 * times the factor, where that is more, since a model's card may say to add the section and to leave
 * `max_position_embeddings` (vLLM serves as much).
 */
export function longestContext(config: ModelConfig): number {
  const own = config.size('max_position_embeddings', undefined, MOST.context);
  const whole = ropeSection(config);
  const section = whole?.section('full_attention') ?? whole;
  if (section === undefined || ropeType(section) !== 'yarn' || !section.has('factor')) return own;
  const scaled = Math.round(originalContext(section, config) * section.positive('factor'));
  return Math.min(Math.max(own, scaled), MOST.context);
}

/** Fields that all ways of scaling may have. */
const COMMON_FIELDS = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor'];

/** Further fields of each way. */
const FIELDS: Readonly<Record<RopeType, readonly string[]>> = {
  default: [],
  linear: ['factor'],
  dynamic: ['factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
  yarn: [
    'factor',
    'original_max_position_embeddings',
    'attention_factor',
    'beta_fast',
    'beta_slow',
    'mscale',
    'mscale_all_dim',
    'truncate',
  ],
  longrope: LONGROPE_FIELDS,
  su: LONGROPE_FIELDS,
  proportional: ['factor'],
};

/** Values with which fields that nobody reads change nothing in vLLM either. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  attn_factor: 1,
  extrapolation_factor: 1,
  apply_yarn_scaling: true,
};

/** Fields that vLLM reads and transformers does not. */
const READ_BY_VLLM = [...Object.keys(NEUTRAL), 'short_mscale', 'long_mscale'];

/** Fields by whose help queries grow with their position, which these families read themselves. */
const OF_FAMILIES: Readonly<Record<string, readonly string[] | undefined>> = {
  ministral3: ['llama_4_scaling_beta', 'max_position_embeddings'],
  mistral4: ['llama_4_scaling_beta', 'max_position_embeddings'],
};

/** Names fields of a section that are not read, and whom that follows. */
function warnOfUnread(section: ModelConfig, config: ModelConfig): void {
  const type = ropeType(section);
  const known = [
    ...COMMON_FIELDS,
    ...FIELDS[type],
    ...(OF_FAMILIES[config.string('model_type', '')] ?? []),
    'finetuned',
    'original_max_position_embeddings',
    'factor',
  ];
  for (const name of section.names) {
    if (known.includes(name) || !section.has(name) || section.value(name) === NEUTRAL[name]) continue;
    const whose = READ_BY_VLLM.includes(name)
      ? 'is not read, as in transformers; vLLM reads it'
      : 'is not read, nor does transformers read it';
    section.warn(
      `${name} ${whose} (rope_type ${type}): if it matters, the results are not those that were meant`,
    );
  }
}

/**
 * Pairs as in a head that turns whole, of which only the first turn (Gemma 4): the frequencies fall as slowly as they
 * would there.
 */
function proportional(theta: number, share: number, headSize: number, section: ModelConfig): Rope {
  const factor = section.positive('factor', 1);
  const turned = Math.floor((share * headSize) / 2);
  return {
    frequencies: inverseFrequencies(headSize, theta).map((value, i) => (i < turned ? value / factor : 0)),
    magnitude: 1,
  };
}

/** Divides each frequency by a factor of its own. */
function stretch(
  { frequencies, magnitude }: Rope,
  factor: (frequency: number, index: number) => number,
): Rope {
  return { frequencies: frequencies.map((value, i) => value / factor(value, i)), magnitude };
}

/** Llama 3.1: low frequencies are divided by the factor, high ones are left, those between are blended. */
function llama3(unscaled: Rope, section: ModelConfig, config: ModelConfig): Rope {
  const factor = section.positive('factor');
  const low = section.positive('low_freq_factor');
  const high = section.positive('high_freq_factor');
  const original = originalContext(section, config);
  return {
    ...unscaled,
    frequencies: unscaled.frequencies.map(frequency => {
      const turns = (original * frequency) / (2 * Math.PI);
      const smooth = clamp((turns - low) / (high - low));
      return (1 - smooth) * (frequency / factor) + smooth * frequency;
    }),
  };
}

/**
 * YaRN (Peng et al. 2023, section 3.2): frequencies are interpolated the more, the fewer turns they make in
 * the original context.
 */
function yarn(unscaled: Rope, theta: number, section: ModelConfig, config: ModelConfig): Rope {
  const original = originalContext(section, config);
  const factor = section.positive('factor', config.size('max_position_embeddings') / original);
  const pairs = unscaled.frequencies.length;
  const pairOf = (turns: number): number =>
    (pairs * Math.log(original / (turns * 2 * Math.PI))) / Math.log(theta);
  const orAbsent = (name: string, fallback: number): number =>
    isZero(section, name) ? fallback : section.positive(name, fallback);
  const isTruncated = section.flag('truncate', true);
  const [first, last] = [pairOf(orAbsent('beta_fast', 32)), pairOf(orAbsent('beta_slow', 1))];
  const low = Math.max(isTruncated ? Math.floor(first) : first, 0);
  const high = Math.min(isTruncated ? Math.ceil(last) : last, 2 * pairs - 1);
  const width = high === low ? 0.001 : high - low;
  return {
    frequencies: unscaled.frequencies.map((frequency, i) => {
      const interpolated = clamp((i - low) / width);
      return (1 - interpolated) * frequency + interpolated * (frequency / factor);
    }),
    magnitude: yarnMagnitude(factor, section),
  };
}

function yarnMagnitude(factor: number, section: ModelConfig): number {
  const magnitude = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  if (section.has('attention_factor')) {
    const given = section.positive('attention_factor');
    if (Math.abs(given - magnitude(1)) > 1e-4)
      section.warn(`attention_factor is ${given}, as transformers reads it; vLLM takes ${magnitude(1)}`);
    return given;
  }
  const isAbsent = (name: string): boolean => !section.has(name) || isZero(section, name);
  if (isAbsent('mscale') || isAbsent('mscale_all_dim')) return magnitude(1);
  return magnitude(section.positive('mscale')) / magnitude(section.positive('mscale_all_dim'));
}

/**
 * LongRoPE (Ding et al. 2024): a factor for each pair, found by search, for short sequences and for long
 * ones.
 */
function longRope(
  unscaled: Rope,
  section: ModelConfig,
  config: ModelConfig,
  sizes: Pick<DecoderSizes, 'contextLength'>,
): Rope {
  const original = originalContext(section, config);
  const name = sizes.contextLength <= original ? 'short_factor' : 'long_factor';
  const factors = section.numbers(name);
  if (factors.length !== unscaled.frequencies.length)
    section.invalid(`${name} has ${factors.length} factors for ${unscaled.frequencies.length} frequencies`);
  const factor = section.positive('factor', config.size('max_position_embeddings') / original);
  const magnitude = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    ...stretch(unscaled, (_, i) => factors[i]!),
    magnitude: section.positive('attention_factor', magnitude),
  };
}

/** True for 0, which stands for an absent value. */
function isZero(section: ModelConfig, name: string): boolean {
  return section.value(name) === 0;
}

function clamp(x: number): number {
  return Math.min(1, Math.max(0, x));
}
