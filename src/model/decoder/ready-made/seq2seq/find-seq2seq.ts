import path from 'node:path';
import { KvasirError } from '#errors.js';
import type { Precision } from '#graph/precision.js';
import { chooseGraphs, encoderBeside } from '../../../graph-files.js';
import { DataType, readOnnxFile, type GraphValue, type OnnxFile } from '../../../onnx-file.js';
import { storedPrecision, type RunPath } from '../../../run-path.js';
import { namesIn } from '../find-graphs.js';

/** An encoder-decoder that somebody else exported, read but not loaded. */
export interface ReadyMadeSeq2Seq {
  readonly encoder: OnnxFile;
  /** One graph of two branches, or that which begins texts and that which continues them. */
  readonly decoders: readonly OnnxFile[];
  readonly layers: number;
  readonly heads: number;
  readonly headSize: number;
}

/** What graphs take, as Hugging Face's exporter calls it; caches have names of their own. */
const ENCODER_INPUTS = ['input_ids', 'attention_mask'];
const DECODER_INPUTS = ['input_ids', 'encoder_attention_mask', 'encoder_hidden_states', 'use_cache_branch'];
const CACHE_INPUT = /^past_key_values\.\d+\.(decoder|encoder)\.(key|value)$/;

/** Keys and values of the text itself, and those of the source. */
export type CacheOwner = 'decoder' | 'encoder';

/** Inputs of a cache: both sides of each layer in turn. */
export function pastNames(owner: CacheOwner, layers: number): string[] {
  return cacheNames('past_key_values', owner, layers);
}

/** Outputs of a cache, in the same order. */
export function presentNames(owner: CacheOwner, layers: number): string[] {
  return cacheNames('present', owner, layers);
}

function cacheNames(stage: string, owner: CacheOwner, layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map(side => `${stage}.${layer}.${owner}.${side}`),
  ).flat();
}

/**
 * Finds an encoder-decoder among a folder's ONNX graphs.
 *
 * @param precision undefined: the most exact that there is.
 * @throws KvasirError `invalid_model` where files are missing or broken, `unsupported_model` where there is none,
 * none of that precision, or one that takes other things
 */
export async function findSeq2SeqGraphs(
  folder: string,
  precision: Precision | undefined,
): Promise<ReadyMadeSeq2Seq> {
  const names = await namesIn(folder);
  const files = chooseGraphs(
    names.filter(name => path.basename(name).startsWith('decoder_')),
    precision,
  );
  const encoderName = encoderBeside(names, files);
  if (encoderName === undefined) {
    const exact = precision === undefined ? '' : ` of precision ${precision}`;
    throw new KvasirError(
      'unsupported_model',
      `${folder} has no ONNX encoder-decoder${exact}: an encoder_model.onnx and a decoder_model_merged.onnx, or a decoder_model.onnx with a decoder_with_past_model.onnx`,
    );
  }
  const read = (name: string): Promise<OnnxFile> => readOnnxFile(path.join(folder, name));
  const encoder = await read(encoderName);
  const decoders: OnnxFile[] = [];
  for (const name of files) decoders.push(await read(name));
  checkInputs(encoder, name => ENCODER_INPUTS.includes(name));
  for (const file of decoders)
    checkInputs(file, name => DECODER_INPUTS.includes(name) || CACHE_INPUT.test(name));
  const [first, next = first] = decoders as [OnnxFile, OnnxFile?];
  const layers = next.inputs.filter(({ name }) => name.endsWith('.decoder.key')).length;
  if (layers === 0)
    throw new KvasirError(
      'unsupported_model',
      `${next.path} takes no past: export it for generation with a past`,
    );
  requireFloats(encoder, encoder.outputs, ['last_hidden_state']);
  requireFloats(next, next.inputs, [...pastNames('decoder', layers), ...pastNames('encoder', layers)]);
  requireFloats(next, next.outputs, ['logits', ...presentNames('decoder', layers)]);
  requireFloats(first, first.outputs, [
    'logits',
    ...presentNames('decoder', layers),
    ...presentNames('encoder', layers),
  ]);
  const [, heads, , headSize] = next.inputs.find(({ name }) => name.endsWith('.decoder.key'))?.shape ?? [];
  if (typeof heads !== 'number' || typeof headSize !== 'number')
    throw new KvasirError('unsupported_model', `${next.path} does not say the sizes of its cache`);
  return { encoder, decoders, layers, heads, headSize };
}

/** How it runs, and why. */
export function seq2seqPath({ encoder, decoders }: ReadyMadeSeq2Seq, why: string): RunPath {
  const names = [encoder, ...decoders].map(({ path: file }) => path.basename(file)).join(', ');
  return {
    kind: 'growing',
    precision: storedPrecision(decoders.at(-1)!),
    reason: `${names}, exported for Hugging Face: each text runs alone, and its cache is copied at every step; taken since ${why}`,
  };
}

function checkInputs(file: OnnxFile, isKnown: (name: string) => boolean): void {
  const strange = file.inputs.find(({ name }) => !isKnown(name));
  if (strange !== undefined)
    throw new KvasirError('unsupported_model', `${file.path} takes '${strange.name}', which is not known`);
}

function requireFloats(
  { path: file }: OnnxFile,
  ports: readonly GraphValue[],
  names: readonly string[],
): void {
  for (const name of names) {
    const port = ports.find(other => other.name === name);
    if (port === undefined)
      throw new KvasirError('unsupported_model', `${file} has no '${name}': export it with a past`);
    if (port.type !== DataType.FLOAT)
      throw new KvasirError(
        'unsupported_model',
        `'${name}' of ${file} is ${DataType[port.type]}: take an export in 32-bit floats`,
      );
  }
}
