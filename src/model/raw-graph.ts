import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ModelConfig } from '#graph/config.js';
import { hasSentenceModules } from '#graph/sentence-modules.js';
import type { Precision } from '#graph/precision.js';
import { findWeightsFile } from '#graph/weights/checkpoint.js';
import { chooseGraphs } from './graph-files.js';
import type { OnnxFile } from './onnx-file.js';
import { isGenaiFolder } from './decoder/ready-made/genai-config.js';
import { storedPrecision, type RunPath } from './run-path.js';

/**
 * The ONNX graph of a folder that has nothing but one: no weights of its own, and neither a tokenizer nor a
 * config.json that speaks of a vocabulary, so that texts are none of its business.
 *
 * @param precision of a folder with several graphs; undefined: the most exact that there is.
 * @returns undefined for any other folder.
 * @throws KvasirError `invalid_model` where config.json is broken
 */
export async function rawGraph(folder: string, precision?: Precision): Promise<string | undefined> {
  if (hasSentenceModules(folder) || isGenaiFolder(folder)) return undefined;
  if (findWeightsFile(folder) !== undefined) return undefined;
  if (existsSync(path.join(folder, 'tokenizer.json')) || (await hasVocabulary(folder))) return undefined;
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const names = entries.map(name => name.replaceAll(path.sep, '/'));
  if (names.some(name => name.endsWith('.safetensors'))) return undefined;
  const graphs = chooseGraphs(names, precision);
  return graphs.length === 1 ? path.join(folder, graphs[0]!) : undefined;
}

/** How a folder's raw graph is run. */
export function rawPath(folder: string, file: OnnxFile): RunPath {
  return {
    kind: 'ready-made',
    precision: storedPrecision(file),
    reason: `${path.relative(folder, file.path)}, without a tokenizer: it is called with tensors`,
  };
}

async function hasVocabulary(folder: string): Promise<boolean> {
  return existsSync(path.join(folder, 'config.json')) && (await ModelConfig.read(folder)).has('vocab_size');
}
