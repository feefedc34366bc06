import { KvasirError } from '#errors.js';
import { DataType, type GraphValue, type OnnxFile } from '../../onnx-file.js';
import type { ElementType } from '#runtime/index.js';

/** What a graph's inputs and outputs are called. `%d` stands for the layer. */
export interface PortNames {
  readonly ids: string;
  readonly mask: string;
  readonly positions: string;
  /** Positions of a run's tokens, which are those of all rows; default: no graph has them. */
  readonly runPositions?: string | undefined;
  readonly logits: string;
  readonly pastKey: string;
  readonly pastValue: string;
  readonly presentKey: string;
  readonly presentValue: string;
  /** Of a decoder that attends to a source; all others have no such ports. */
  readonly source?: SourceNames | undefined;
}

/** What a graph's ports of the source are called, keys and values as in {@link PortNames}. */
export type SourceNames = Pick<
  PortNames,
  'mask' | 'pastKey' | 'pastValue' | 'presentKey' | 'presentValue'
> & {
  readonly states: string;
};

/** The names that Hugging Face's exporters and onnxruntime-genai's builder give. */
export const USUAL_NAMES: PortNames = {
  ids: 'input_ids',
  mask: 'attention_mask',
  positions: 'position_ids',
  logits: 'logits',
  pastKey: 'past_key_values.%d.key',
  pastValue: 'past_key_values.%d.value',
  presentKey: 'present.%d.key',
  presentValue: 'present.%d.value',
};

/** The names that Hugging Face's exporters give to decoders with an encoder. */
export const SOURCED_NAMES: PortNames = {
  ...USUAL_NAMES,
  mask: 'decoder_attention_mask',
  runPositions: 'cache_position',
  pastKey: 'past_key_values.%d.decoder.key',
  pastValue: 'past_key_values.%d.decoder.value',
  presentKey: 'present.%d.decoder.key',
  presentValue: 'present.%d.decoder.value',
  source: {
    states: 'encoder_hidden_states',
    mask: 'encoder_attention_mask',
    pastKey: 'past_key_values.%d.encoder.key',
    pastValue: 'past_key_values.%d.encoder.value',
    presentKey: 'present.%d.encoder.key',
    presentValue: 'present.%d.encoder.value',
  },
};

/** Chooses between the branches of a merged export: without and with a past. bool `[1]`. */
const CACHE_BRANCH = 'use_cache_branch';
/** How many of the last positions to project onto the vocabulary; 0: all. */
const LOGITS_TO_KEEP = ['num_logits_to_keep', 'logits_to_keep'];

/** Keys or values of one layer, `[rows, heads, positions, headSize]`. */
export interface CachePort {
  /** Absent in a graph that begins a sequence. */
  readonly past: string | undefined;
  readonly present: string;
  readonly heads: number;
  readonly headSize: number;
}

/** Keys or values of a source in one layer, `[rows, heads, source, headSize]`. */
export interface SourceCachePort extends Omit<CachePort, 'present'> {
  /** Absent in a graph that only continues a sequence. */
  readonly present: string | undefined;
}

/** What a decoder's graph takes of a source, and makes of it. */
export interface SourcePorts {
  /** The encoder's output, `[rows, source, size]`; absent in a graph that needs only what was made of it. */
  readonly states: StatesPort | undefined;
  readonly mask: IntegerPort | undefined;
  /** As many as a decoder has caches of its own. */
  readonly caches: readonly SourceCachePort[];
}

/** Hidden states of a source's tokens. */
export interface StatesPort {
  readonly name: string;
  readonly type: FloatType;
  /** Features of a token. */
  readonly size: number;
}

/** An input of integers. */
export interface IntegerPort {
  readonly name: string;
  readonly type: 'int64' | 'int32';
}

/** What a decoder's graph takes and gives. */
export interface DecoderPorts {
  readonly ids: IntegerPort;
  readonly mask: IntegerPort | undefined;
  readonly positions: IntegerPort | undefined;
  /** int64 `[sequence]` */
  readonly runPositions: string | undefined;
  readonly cacheBranch: string | undefined;
  readonly logitsToKeep: { readonly name: string; readonly rank: number } | undefined;
  readonly logits: { readonly name: string; readonly type: FloatType; readonly lastOnly: boolean };
  /** Size of the vocabulary, where the graph says it. */
  readonly vocabularySize: number | undefined;
  readonly cacheType: FloatType;
  /** Keys and values, layer by layer. */
  readonly caches: readonly CachePort[];
  readonly layers: number;
  readonly source: SourcePorts | undefined;
  /** Whether all of the cache goes through GroupQueryAttention, which can fill it in place. */
  readonly inPlace: boolean;
}

/** Types that caches and logits may have. */
export type FloatType = Extract<ElementType, 'float32' | 'float16'>;
const FLOATS: Partial<Record<DataType, FloatType>> = {
  [DataType.FLOAT]: 'float32',
  [DataType.FLOAT16]: 'float16',
};
const INTEGERS: Partial<Record<DataType, IntegerPort['type']>> = {
  [DataType.INT64]: 'int64',
  [DataType.INT32]: 'int32',
};

/** Heads and their size where the graph leaves them open. */
export interface HeadSizes {
  readonly kvHeads: number;
  readonly headSize: number;
}

/**
 * Recognises the inputs and outputs of a decoder with a KV cache.
 *
 * @throws KvasirError `unsupported_model`, naming what is missing, unknown, or of another type or shape than
 * expected
 */
export function decoderPorts(
  file: OnnxFile,
  names: PortNames = USUAL_NAMES,
  heads: HeadSizes | undefined = undefined,
): DecoderPorts {
  return new PortReader(file, names, heads).read();
}

class PortReader {
  readonly #file: OnnxFile;
  readonly #names: PortNames;
  readonly #heads: HeadSizes | undefined;
  readonly #inputs: Map<string, GraphValue>;
  readonly #outputs: Map<string, GraphValue>;
  readonly #known = new Set<string>();

  constructor(file: OnnxFile, names: PortNames, heads: HeadSizes | undefined) {
    this.#file = file;
    this.#names = names;
    this.#heads = heads;
    this.#inputs = new Map(file.inputs.map(value => [value.name, value]));
    this.#outputs = new Map(file.outputs.map(value => [value.name, value]));
  }

  read(): DecoderPorts {
    const ids = this.#integers(this.#names.ids);
    if (ids === undefined) return this.#fail(`has no input '${this.#names.ids}'`);
    const keep = LOGITS_TO_KEEP.map(name => this.#take(name)).find(value => value !== undefined);
    const ports = {
      ids,
      mask: this.#integers(this.#names.mask),
      positions: this.#integers(this.#names.positions),
      runPositions: this.#runPositions(),
      cacheBranch: this.#take(CACHE_BRANCH)?.name,
      logitsToKeep: keep && { name: keep.name, rank: keep.shape.length },
    };
    const { caches, type: cacheType } = this.#caches();
    const source = this.#names.source && this.#source(this.#names.source, caches, cacheType);
    this.#refuseUnknown();
    const logits = this.#outputs.get(this.#names.logits);
    if (logits === undefined) return this.#fail(`has no output '${this.#names.logits}'`);
    const [, sequence, vocabularySize] = logits.shape;
    return {
      ...ports,
      logits: { name: logits.name, type: this.#floatType(logits), lastOnly: sequence === 1 },
      vocabularySize: typeof vocabularySize === 'number' ? vocabularySize : undefined,
      cacheType,
      caches,
      layers: caches.length / 2,
      source,
      inPlace: this.#isInPlace(caches),
    };
  }

  #runPositions(): string | undefined {
    const value = this.#names.runPositions === undefined ? undefined : this.#take(this.#names.runPositions);
    if (value === undefined) return undefined;
    const { name, type, shape } = value;
    if (type !== DataType.INT64 || shape.length !== 1)
      return this.#fail(
        `has an input '${name}' of type ${DataType[type]} [${shape.join(', ')}], expected INT64 [sequence]`,
      );
    return name;
  }

  #caches(): { caches: CachePort[]; type: FloatType } {
    const types = new Set<FloatType>();
    const caches = this.#sides(this.#names).map(({ past, present, presentName }): CachePort => {
      if (present === undefined) return this.#fail(`has no output '${presentName}'`);
      types.add(this.#floatType(present));
      return { past: past?.name, present: presentName, ...this.#headsOf(past ?? present) };
    });
    const [type, ...others] = types;
    if (type === undefined)
      return this.#fail(
        `has no KV cache (no output '${this.#names.presentKey.replace('%d', '0')}'): export it for generation with a past`,
      );
    if (others.length > 0) return this.#fail(`has caches of several types: ${[...types].join(', ')}`);
    this.#requireSame(caches.map(({ past }) => past));
    return { caches, type };
  }

  /** Inputs and outputs of keys and values, layer by layer, as far as there are any. */
  #sides(names: Pick<PortNames, 'pastKey' | 'pastValue' | 'presentKey' | 'presentValue'>): Side[] {
    const found: Side[] = [];
    for (let layer = 0; ; layer++) {
      const pairs = [
        [names.pastKey, names.presentKey],
        [names.pastValue, names.presentValue],
      ].map(pair => pair.map(name => name.replace('%d', String(layer))) as [string, string]);
      if (!pairs.some(([past, present]) => this.#inputs.has(past) || this.#outputs.has(present)))
        return found;
      for (const [past, presentName] of pairs)
        found.push({ past: this.#take(past), present: this.#outputs.get(presentName), presentName });
    }
  }

  /** @param own caches of the decoder's own tokens, and their type, which those of a source must have, too. */
  #source(names: SourceNames, own: readonly CachePort[], type: FloatType): SourcePorts {
    const states = this.#take(names.states);
    const mask = this.#integers(names.mask);
    const caches = this.#sides(names).map(({ past, present, presentName }): SourceCachePort => {
      const port = past ?? present;
      if (port === undefined) return this.#fail(`has no output '${presentName}'`);
      if (this.#floatType(port) !== type)
        return this.#fail(`has '${port.name}' of another type than the decoder's own caches`);
      return { past: past?.name, present: present?.name, ...this.#headsOf(port) };
    });
    if (caches.length !== own.length)
      return this.#fail(
        `has keys and values of the source for ${caches.length / 2} layers, and ${own.length / 2} layers`,
      );
    this.#requireSame(caches.map(({ past }) => past));
    return { states: states && statesPort(this.#file, states), mask, caches };
  }

  #requireSame(pasts: readonly (string | undefined)[]): void {
    const given = pasts.filter(past => past !== undefined).length;
    if (given > 0 && given < pasts.length) this.#fail('takes a past for some layers and not for others');
  }

  #headsOf({ name, shape }: GraphValue): { heads: number; headSize: number } {
    const [, heads = this.#heads?.kvHeads, , headSize = this.#heads?.headSize] = shape.map(size =>
      typeof size === 'number' ? size : undefined,
    );
    if (shape.length !== 4 || heads === undefined || headSize === undefined)
      return this.#fail(
        `has a cache '${name}' of shape [${shape.join(', ')}], expected [batch, heads, positions, head size]`,
      );
    return { heads, headSize };
  }

  /** Every state must be understood: one that is left alone would give wrong text. */
  #refuseUnknown(): void {
    const unknown = [...this.#inputs.keys()].filter(name => !this.#known.has(name));
    if (unknown.length === 0) return;
    const shown = unknown.slice(0, 4).map(name => `'${name}'`);
    const more = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : '';
    const kind = unknown.some(name => /encoder/.test(name)) ? ', as a decoder with an encoder has' : '';
    this.#fail(`wants inputs that are not known: ${shown.join(', ')}${more}${kind}`);
  }

  #isInPlace(caches: readonly CachePort[]): boolean {
    const attentions = this.#file.nodes.filter(({ opType }) => opType === 'GroupQueryAttention');
    const filled = new Map(
      attentions.flatMap(({ input, output }) => [
        [input[3], output[1]],
        [input[4], output[2]],
      ]),
    );
    return caches.every(({ past, present }) => past !== undefined && filled.get(past) === present);
  }

  #take(name: string): GraphValue | undefined {
    const value = this.#inputs.get(name);
    if (value !== undefined) this.#known.add(name);
    return value;
  }

  #integers(name: string): IntegerPort | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    return integerPort(this.#file, value);
  }

  #floatType(value: GraphValue): FloatType {
    return floatType(this.#file, value);
  }

  #fail(fault: string): never {
    return unfit(this.#file, fault);
  }
}

/** An input and an output of keys or values, where they are there. */
interface Side {
  readonly past: GraphValue | undefined;
  readonly present: GraphValue | undefined;
  readonly presentName: string;
}

/** What an encoder's graph takes and gives. */
export interface SourceEncoderPorts {
  readonly reads: TokenPorts | FeaturesPort;
  readonly states: StatesPort;
}

/** What an encoder's graph takes of texts. */
export interface TokenPorts {
  readonly ids: IntegerPort;
  readonly mask: IntegerPort | undefined;
}

/** What an encoder's graph takes of sounds: features, `[rows, bins, frames]`. */
export interface FeaturesPort {
  readonly name: string;
  readonly type: FloatType;
}

/**
 * Recognises the inputs and the output of an encoder whose states a decoder reads.
 *
 * @throws KvasirError `unsupported_model`, naming what is missing, unknown, or of another type or shape than
 * expected
 */
export function sourceEncoderPorts(file: OnnxFile): SourceEncoderPorts {
  const states = file.outputs.find(({ name }) => name === 'last_hidden_state');
  const features = file.inputs.find(({ name }) => name === 'input_features');
  const reads =
    features === undefined ? tokenPorts(file) : { name: features.name, type: floatType(file, features) };
  const known = 'ids' in reads ? [reads.ids.name, reads.mask?.name] : [reads.name];
  const unknown = file.inputs.find(({ name }) => !known.includes(name));
  if (unknown !== undefined) return unfit(file, `wants an input that is not known: '${unknown.name}'`);
  if (states === undefined) return unfit(file, `has no output 'last_hidden_state'`);
  return { reads, states: statesPort(file, states) };
}

function tokenPorts(file: OnnxFile): TokenPorts {
  const [ids, mask] = ['input_ids', 'attention_mask'].map(name => {
    const value = file.inputs.find(input => input.name === name);
    return value && integerPort(file, value);
  });
  if (ids === undefined) return unfit(file, `has no input 'input_ids'`);
  return { ids, mask };
}

function statesPort(file: OnnxFile, value: GraphValue): StatesPort {
  const { name, shape } = value;
  const size = shape[2];
  if (shape.length !== 3 || typeof size !== 'number')
    return unfit(
      file,
      `has '${name}' of shape [${shape.join(', ')}], expected [batch, source, a number of features]`,
    );
  return { name, type: floatType(file, value), size };
}

function integerPort(file: OnnxFile, { name, type, shape }: GraphValue): IntegerPort {
  const found = INTEGERS[type];
  if (found === undefined || shape.length !== 2)
    return unfit(
      file,
      `has an input '${name}' of type ${DataType[type]} [${shape.join(', ')}], expected integers [batch, sequence]`,
    );
  return { name, type: found };
}

function floatType(file: OnnxFile, { name, type }: GraphValue): FloatType {
  return FLOATS[type] ?? unfit(file, `has '${name}' of type ${DataType[type]}; FLOAT and FLOAT16 are known`);
}

/** @throws KvasirError `unsupported_model` */
export function unfit({ path }: OnnxFile, fault: string): never {
  throw new KvasirError('unsupported_model', `${path} ${fault}`);
}
