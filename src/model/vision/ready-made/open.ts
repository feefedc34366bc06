import { KvasirError } from '#errors.js';
import { textConfig, towersArchitecture } from '#graph/families/vision/index.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import type { OnnxFile } from '../../onnx-file.js';
import { openSession } from '../../open-session.js';
import type { VisionEncoder } from '../contract.js';
import type { Towers } from '../load-towers.js';
import type { TowersDescription, VisionDescription } from '../loaded.js';
import { TextTowerEncoder, type PrepareText } from '../text-tower.js';
import { tokenSizes } from '../token-sizes.js';
import { ReadyMadePictures } from './pictures.js';
import { pictureOutput, textOutput } from './ports.js';
import { ReadyMadeTexts } from './texts.js';

/**
 * Checks the ready-made graph of a model of pictures by its file, without loading it.
 *
 * @throws KvasirError `unsupported_model`, naming the file
 */
export function checkReadyMadePictures(graph: OnnxFile, { task, config, labels }: VisionDescription): void {
  pictureOutput(graph, task, config.string('model_type', ''), labels.length);
}

/**
 * Checks the ready-made graphs of two towers by their files, without loading them.
 *
 * @throws KvasirError `unsupported_model`, naming the file
 */
export function checkReadyMadeTowers([pictures, texts]: readonly OnnxFile[]): void {
  const [one, other] = [pictureOutput(pictures!, 'image-embedding', '', 0), textOutput(texts!)];
  if (one.width !== other.width)
    throw new KvasirError(
      'unsupported_model',
      `${pictures!.path} leads to ${one.width} numbers, but ${texts!.path} to ${other.width}: no common space`,
    );
}

/** @throws KvasirError as `openSession`, `unsupported_model` */
export async function openReadyMadePictures(
  environment: Environment,
  graph: OnnxFile,
  { task, config, labels, size, preprocessing }: VisionDescription,
  settings: SessionSettings | undefined,
): Promise<VisionEncoder> {
  const output = pictureOutput(graph, task, config.string('model_type', ''), labels.length);
  const session = await openSession(environment, graph.path, { spinning: false, ...settings });
  const shape = { task, width: output.width, size, preprocessing, output, isNormalized: false };
  return new ReadyMadePictures(session, { ...shape, ...tokenSizes(config) });
}

/** @throws KvasirError as `openSession`, `unsupported_model` */
export async function openReadyMadeTowers(
  environment: Environment,
  graphs: readonly OnnxFile[],
  { config, size, preprocessing, contextLength }: TowersDescription,
  prepare: PrepareText,
  settings: SessionSettings | undefined,
): Promise<Towers> {
  checkReadyMadeTowers(graphs);
  const [pictures, texts] = graphs as [OnnxFile, OnnxFile];
  const output = pictureOutput(pictures, 'image-embedding', '', 0);
  const own = { spinning: false, ...settings };
  const seeing = await openSession(environment, pictures.path, own);
  try {
    const reading = await openSession(environment, texts.path, own);
    const text = new ReadyMadeTexts(reading, {
      contextLength,
      vocabularySize: textConfig(towersArchitecture(config), config).size('vocab_size'),
      output: textOutput(texts),
    });
    const vision = new ReadyMadePictures(seeing, {
      task: 'image-embedding',
      width: output.width,
      size,
      preprocessing,
      output,
      isNormalized: true,
      ...tokenSizes(config),
    });
    return { vision, text: new TextTowerEncoder(text, prepare) };
  } catch (error) {
    seeing.dispose();
    throw error;
  }
}
