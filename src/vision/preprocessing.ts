import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject } from '#files.js';
import { PROCESSORS, PROCESSORS_OF_MODELS, type Processor } from './processors.js';
import type { Preprocessing, PictureSize, ResamplingFilter, TargetSize } from './types.js';

/**
 * Reads how a model's pictures are made what it reads: from the `image_processor` of its processor_config.json, as
 * transformers 5 writes it, or from its preprocessor_config.json.
 *
 * @throws KvasirError `invalid_model` where there is none, or it contradicts itself; `unsupported_model` where
 * its processor is not known, or a field that may change pixels is not
 */
export async function readPreprocessing(folder: string): Promise<Preprocessing> {
  const own = path.join(folder, 'preprocessor_config.json');
  const common = path.join(folder, 'processor_config.json');
  const nested = (await ifThere(readJsonObject(common)))?.image_processor;
  const [file, fields] =
    typeof nested === 'object' && nested !== null && !Array.isArray(nested)
      ? [common, nested as Record<string, unknown>]
      : [own, await readJsonObject(own)];
  const config = await ifThere(readJsonObject(path.join(folder, 'config.json')));
  return preprocessingOf(fields, file, config?.model_type);
}

/**
 * What the fields of a preprocessor_config.json say, with the defaults of its processor.
 *
 * @param file for errors.
 * @param modelType config.json's; it decides where no processor is named.
 * @throws KvasirError as {@link readPreprocessing}
 */
export function preprocessingOf(
  fields: Readonly<Record<string, unknown>>,
  file: string,
  modelType?: unknown,
): Preprocessing {
  const processor = processorOf(fields, file, modelType);
  const reader = new FieldReader(fields, file);
  const background = reader.flag('do_convert_rgb', processor.convertsToRgb === true)
    ? ('white' as const)
    : undefined;
  const steps = stepsOf(reader, processor);
  const isScaled = reader.flag('do_rescale', true);
  const isNormalized = reader.flag('do_normalize', true);
  const scale = reader.number('rescale_factor', 1 / 255);
  const mean = reader.channels('image_mean', processor.mean);
  const deviation = reader.channels('image_std', processor.deviation);
  if (deviation.includes(0)) throw reader.broken('image_std', 'has a 0');
  reader.refuseOthers();
  return {
    background,
    ...steps,
    scale: isScaled ? scale : 1,
    mean: isNormalized ? mean : [0, 0, 0],
    deviation: isNormalized ? deviation : [1, 1, 1],
  };
}

function processorOf(fields: Readonly<Record<string, unknown>>, file: string, modelType: unknown): Processor {
  const named = fields.image_processor_type ?? fields.feature_extractor_type;
  const name =
    typeof named === 'string'
      ? named.replace(/(?:Fast|Pil)$/, '').replace(/(?:ImageProcessor|FeatureExtractor)$/, '')
      : typeof modelType === 'string' && Object.hasOwn(PROCESSORS_OF_MODELS, modelType)
        ? PROCESSORS_OF_MODELS[modelType]!
        : undefined;
  if (name !== undefined && Object.hasOwn(PROCESSORS, name)) return PROCESSORS[name]!;
  const what = typeof named === 'string' ? `the processor ${named}` : 'the processor of this kind of model';
  throw new KvasirError('unsupported_model', `${file}: ${what} is not known`);
}

function stepsOf(reader: FieldReader, processor: Processor): Pick<Preprocessing, 'resize' | 'crop'> {
  const isResized = reader.flag('do_resize', true);
  const filter = reader.filter(processor.resample);
  const square = reader.flag('default_to_square', processor.square);
  const to = reader.size('size', processor.size, square);
  const cropSize = reader.size('crop_size', processor.cropSize, true);
  const isCropped = reader.flag('do_center_crop', processor.crops === true);
  const share = reader.number('crop_pct', processor.cropShare ?? 1);
  if (isCropped && (cropSize === undefined || !('width' in cropSize)))
    throw reader.broken('crop_size', 'has no width and height');
  const crop = isCropped ? (cropSize as PictureSize) : undefined;
  if (!isResized || to === undefined) return { resize: undefined, crop };
  if (processor.cropShare === undefined) {
    if (share !== 1) throw reader.unknown('crop_pct');
    return { resize: { to, filter }, crop };
  }
  if (!('shortest' in to) || to.longest !== undefined)
    throw reader.broken('size', 'is no shortest edge, which its processor wants');
  if (crop !== undefined) throw reader.unknown('do_center_crop');
  const edge = to.shortest;
  const squared = { width: edge, height: edge };
  return edge < 384
    ? { resize: { to: { shortest: Math.trunc(edge / share) }, filter }, crop: squared }
    : { resize: { to: squared, filter }, crop: undefined };
}

/** By the numbers that PIL gives them. */
const FILTERS: readonly ResamplingFilter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** Fields that change no pixel: names, forms of arrays, what is done to labels. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'image_processor_type',
  'feature_extractor_type',
  'processor_class',
  '_processor_class',
  '_valid_processor_keys',
  'data_format',
  'input_data_format',
  'return_tensors',
  'device',
  'disable_grouping',
  'use_fast',
  'image_seq_length',
  'do_reduce_labels',
  'reduce_labels',
  'pad_size',
]);

/** Reads fields with their types, and knows in the end which ones nobody asked for. Null is as good as absent. */
class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #read = new Set<string>();

  constructor(fields: Readonly<Record<string, unknown>>, file: string) {
    this.#fields = fields;
    this.#file = file;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#take(name);
    if (value === undefined) return otherwise;
    if (typeof value !== 'boolean') throw this.broken(name, 'is neither true nor false');
    return value;
  }

  /** A number above 0. */
  number(name: string, otherwise: number): number {
    const value = this.#take(name) ?? otherwise;
    if (!isPositive(value)) throw this.broken(name, 'is no number above 0');
    return value;
  }

  /** A number for each channel, or one for all. */
  channels(name: string, otherwise: readonly [number, number, number]): readonly [number, number, number] {
    const value = this.#take(name) ?? otherwise;
    const all: unknown = typeof value === 'number' ? [value, value, value] : value;
    if (!Array.isArray(all) || all.length !== 3 || !all.every(Number.isFinite))
      throw this.broken(name, 'is not one number for each of three channels');
    return all as unknown as readonly [number, number, number];
  }

  filter(otherwise: ResamplingFilter): ResamplingFilter {
    const value = this.#take('resample');
    if (value === undefined) return otherwise;
    const filter = typeof value === 'number' ? FILTERS[value] : undefined;
    if (filter === undefined) throw this.broken('resample', 'is none of 0 to 5');
    return filter;
  }

  /**
   * A size in one of the forms that transformers reads: a number, height and width in a list, or an object.
   *
   * @param square whether a number is width and height; or the shorter edge.
   */
  size(name: string, otherwise: unknown, square: boolean): TargetSize | undefined {
    const value = this.#take(name) ?? otherwise;
    if (value === undefined) return undefined;
    const size = sizeOf(value, square);
    if (size === undefined) throw this.broken(name, 'is no size in pixels');
    return size;
  }

  /** @throws KvasirError `unsupported_model` naming a field that nobody read and that may change pixels */
  refuseOthers(): void {
    for (const [name, value] of Object.entries(this.#fields)) {
      if (this.#read.has(name) || WITHOUT_EFFECT.has(name) || value === null) continue;
      if (name.startsWith('do_') && value === false) continue;
      throw this.unknown(name);
    }
  }

  unknown(name: string): KvasirError {
    return new KvasirError(
      'unsupported_model',
      `${this.#file}: ${name} is not known here, and may change what the model sees`,
    );
  }

  broken(name: string, what: string): KvasirError {
    return new KvasirError('invalid_model', `${this.#file}: ${name} ${what}`);
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return this.#fields[name] ?? undefined;
  }
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isEdge(value: unknown): value is number {
  return isPositive(value) && Number.isInteger(value);
}

function sizeOf(value: unknown, square: boolean): TargetSize | undefined {
  if (isEdge(value)) return square ? { width: value, height: value } : { shortest: value };
  if (Array.isArray(value)) {
    const [height, width] = value as unknown[];
    return value.length === 2 && isEdge(height) && isEdge(width) ? { width, height } : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const edges = Object.fromEntries(Object.entries(value).filter(([, edge]) => edge !== null));
  if (!Object.values(edges).every(isEdge)) return undefined;
  switch (Object.keys(edges).sort().join(' ')) {
    case 'height width':
      return { width: edges.width as number, height: edges.height as number };
    case 'shortest_edge':
      return { shortest: edges.shortest_edge as number };
    case 'longest_edge shortest_edge':
      return { shortest: edges.shortest_edge as number, longest: edges.longest_edge as number };
    case 'max_height max_width':
      return { maxWidth: edges.max_width as number, maxHeight: edges.max_height as number };
    default:
      return undefined;
  }
}
