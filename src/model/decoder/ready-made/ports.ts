import { KvasirError } from '#errors.js';
import { DataType, type GraphValue, type OnnxFile } from '../../onnx-file.js';
import type { ElementType } from '#runtime/index.js';

/** What a graph's inputs and outputs are called. `%d` stands for the layer. */
export interface PortNames {
  readonly ids: string;
  readonly mask: string;
  readonly positions: string;
  readonly logits: string;
  readonly pastKey: string;
  readonly pastValue: string;
  readonly presentKey: string;
  readonly presentValue: string;
}

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
  readonly cacheBranch: string | undefined;
  readonly logitsToKeep: { readonly name: string; readonly rank: number } | undefined;
  readonly logits: { readonly name: string; readonly type: FloatType; readonly lastOnly: boolean };
  /** Size of the vocabulary, where the graph says it. */
  readonly vocabularySize: number | undefined;
  readonly cacheType: FloatType;
  /** Keys and values, layer by layer. */
  readonly caches: readonly CachePort[];
  readonly layers: number;
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
      cacheBranch: this.#take(CACHE_BRANCH)?.name,
      logitsToKeep: keep && { name: keep.name, rank: keep.shape.length },
    };
    const { caches, type: cacheType } = this.#caches();
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
      inPlace: this.#isInPlace(caches),
    };
  }

  #caches(): { caches: CachePort[]; type: FloatType } {
    const { pastKey, pastValue, presentKey, presentValue } = this.#names;
    const caches: CachePort[] = [];
    const types = new Set<FloatType>();
    for (let layer = 0; ; layer++) {
      const sides = [
        [pastKey, presentKey],
        [pastValue, presentValue],
      ].map(pair => pair.map(name => name.replace('%d', String(layer))) as [string, string]);
      if (!sides.some(([past, present]) => this.#inputs.has(past) || this.#outputs.has(present))) break;
      for (const [pastName, presentName] of sides) {
        const past = this.#take(pastName);
        const present = this.#outputs.get(presentName);
        if (present === undefined) return this.#fail(`has no output '${presentName}'`);
        types.add(this.#floatType(present));
        caches.push({ past: past?.name, present: presentName, ...this.#headsOf(past ?? present) });
      }
    }
    const [type, ...others] = types;
    if (type === undefined)
      return this.#fail(
        `has no KV cache (no output '${presentKey.replace('%d', '0')}'): export it for generation with a past`,
      );
    if (others.length > 0) return this.#fail(`has caches of several types: ${[...types].join(', ')}`);
    const some = caches.some(({ past }) => past === undefined);
    if (some && caches.some(({ past }) => past !== undefined))
      return this.#fail('takes a past for some layers and not for others');
    return { caches, type };
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
    const type = INTEGERS[value.type];
    if (type === undefined || value.shape.length !== 2)
      return this.#fail(
        `has an input '${name}' of type ${DataType[value.type]} [${value.shape.join(', ')}], expected integers [batch, sequence]`,
      );
    return { name, type };
  }

  #floatType({ name, type }: GraphValue): FloatType {
    const found = FLOATS[type];
    if (found === undefined)
      return this.#fail(`has '${name}' of type ${DataType[type]}; FLOAT and FLOAT16 are known`);
    return found;
  }

  #fail(fault: string): never {
    throw new KvasirError('unsupported_model', `${this.#file.path} ${fault}`);
  }
}
