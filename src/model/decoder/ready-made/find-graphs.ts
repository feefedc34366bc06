import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ModelConfig } from '#graph/config.js';
import type { Precision } from '#graph/precision.js';
import { chooseGraphs } from '../../graph-files.js';
import { readOnnxFile, type OnnxFile } from '../../onnx-file.js';
import { isGenaiFolder, readGenaiConfig } from './genai-config.js';
import { decoderPorts, USUAL_NAMES, type DecoderPorts, type HeadSizes, type PortNames } from './ports.js';

/** An ONNX decoder that somebody else exported, read but not loaded. */
export interface ReadyMadeDecoder {
  /** Who wrote it: onnxruntime-genai's builder, or one of Hugging Face's exporters. */
  readonly origin: 'onnxruntime-genai' | 'Hugging Face';
  /** One graph, or the one that begins sequences and the one that continues them. */
  readonly graphs: readonly ReadyMadeGraph[];
  readonly vocabularySize: number;
  /** Longest sequence; undefined where nothing says it. */
  readonly contextLength: number | undefined;
}

export interface ReadyMadeGraph {
  readonly file: OnnxFile;
  readonly ports: DecoderPorts;
}

/** What the files beside a graph say of it. */
interface Description {
  readonly origin: ReadyMadeDecoder['origin'];
  readonly files: readonly string[];
  readonly names: PortNames;
  readonly heads: HeadSizes | undefined;
  readonly vocabularySize: number | undefined;
  readonly contextLength: number | undefined;
}

/** Whether a folder has ONNX graphs that may be a decoder. */
export async function hasGraphs(folder: string): Promise<boolean> {
  return isGenaiFolder(folder) || chooseGraphs(await namesIn(folder)).length > 0;
}

/**
 * Finds the decoder among a folder's ONNX graphs, and reads what it takes and gives.
 *
 * @throws KvasirError `invalid_model` where files are missing or broken, `unsupported_model` where it is no
 * decoder that can be served, or none of that precision
 */
export async function findDecoder(folder: string, precision?: Precision): Promise<ReadyMadeDecoder> {
  const { origin, files, names, heads, vocabularySize, contextLength } = isGenaiFolder(folder)
    ? await describeGenai(folder)
    : await describeExport(folder, precision);
  const graphs: ReadyMadeGraph[] = [];
  for (const name of files) {
    const file = await readOnnxFile(path.join(folder, name));
    graphs.push({ file, ports: decoderPorts(file, names, heads) });
  }
  const { file, ports } = graphs.at(-1)!;
  if (ports.caches.some(({ past }) => past === undefined))
    throw new KvasirError(
      'unsupported_model',
      `${file.path} takes no past: export it for generation with a past`,
    );
  const vocabulary = ports.vocabularySize ?? vocabularySize;
  if (vocabulary === undefined)
    throw new KvasirError(
      'invalid_model',
      `${folder}: neither the graph nor config.json says the vocabulary's size`,
    );
  return { origin, graphs, vocabularySize: vocabulary, contextLength };
}

async function describeGenai(folder: string): Promise<Description> {
  const config = await readGenaiConfig(folder);
  return { origin: 'onnxruntime-genai', files: [config.graph], ...config };
}

async function describeExport(folder: string, precision: Precision | undefined): Promise<Description> {
  const names = await namesIn(folder);
  const files = chooseGraphs(names, precision);
  if (files.length === 0) return noGraphs(folder, 'decoder', names, precision);
  const config = existsSync(path.join(folder, 'config.json')) ? await ModelConfig.read(folder) : undefined;
  return { origin: 'Hugging Face', files, names: USUAL_NAMES, ...(await sizesOf(config)) };
}

/** @throws KvasirError `unsupported_model` */
export function noGraphs(
  folder: string,
  kind: string,
  names: readonly string[],
  precision: Precision | undefined,
): never {
  const exact = precision === undefined ? '' : ` of precision ${precision}`;
  const among = names.length > 0 ? ` among ${names.join(', ')}` : '';
  throw new KvasirError('unsupported_model', `${folder} has no ONNX ${kind}${exact}${among}`);
}

/** GPT-2 and its relatives call their sizes `n_head`, `n_embd` and so on. */
async function sizesOf(
  config: ModelConfig | undefined,
): Promise<Pick<Description, 'heads' | 'vocabularySize' | 'contextLength'>> {
  const size = (...names: string[]): number | undefined => {
    const found = names.find(name => config?.has(name));
    return found === undefined ? undefined : config?.size(found);
  };
  const heads = size('num_attention_heads', 'n_head');
  const hidden = size('hidden_size', 'n_embd');
  const kvHeads = size('num_key_value_heads') ?? heads;
  const headSize = size('head_dim') ?? (heads && hidden ? hidden / heads : undefined);
  return {
    heads: kvHeads && headSize ? { kvHeads, headSize } : undefined,
    vocabularySize: size('vocab_size'),
    contextLength: size('max_position_embeddings', 'n_positions', 'max_seq_len', 'n_ctx'),
  };
}

/** The ONNX graphs of a folder and of its folder `onnx`, by their paths in it. */
export async function namesIn(folder: string): Promise<string[]> {
  const list = async (inner: string): Promise<string[]> => {
    const entries = await readdir(path.join(folder, inner)).catch(() => []);
    return entries.filter(name => name.endsWith('.onnx')).map(name => path.posix.join(inner, name));
  };
  return [...(await list('.')), ...(await list('onnx'))];
}
