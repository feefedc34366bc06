import { KvasirError } from '#errors.js';
import { findVision, textConfig, towersArchitecture, visionConfig } from '#graph/families/vision/index.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import type { OnnxFile } from '../../onnx-file.js';
import { openSession } from '../../open-session.js';
import type { VisionEncoder } from '../contract.js';
import type { Towers } from '../load-towers.js';
import type { TowersDescription, VisionDescription } from '../loaded.js';
import { TextTowerEncoder, type PrepareText } from '../text-tower.js';
import { tokenSizes } from '../token-sizes.js';
import { ReadyMadePictures } from './pictures.js';
import { pictureOutput, textOutput, type VectorOutput } from './ports.js';
import { ReadyMadeTexts } from './texts.js';

/**
 * Checks the ready-made graph of a model of pictures by its file, without loading it.
 *
 * @throws KvasirError `unsupported_model`, naming the file
 */
export function checkReadyMadePictures(graph: OnnxFile, description: VisionDescription): void {
  outputOf(graph, description);
}

function outputOf(graph: OnnxFile, { task, config, labels }: VisionDescription): VectorOutput {
  const architecture = findVision(config);
  const hidden = architecture?.sizes(visionConfig(architecture, config)).hiddenSize;
  const width = task === 'image-classification' ? labels.length : hidden;
  return pictureOutput(graph, task, config.string('model_type', ''), width);
}

/**
 * Checks the ready-made graphs of two towers by their files, without loading them.
 *
 * @throws KvasirError `unsupported_model`, naming the file
 */
export function checkReadyMadeTowers(graphs: readonly OnnxFile[], description: TowersDescription): void {
  const [pictures, texts] = towerOutputs(graphs, description);
  if (pictures.width === texts.width) return;
  const [one, other] = graphs as [OnnxFile, OnnxFile];
  throw new KvasirError(
    'unsupported_model',
    `${one.path} leads to ${pictures.width} numbers, but ${other.path} to ${texts.width}: no common space`,
  );
}

function towerOutputs(
  graphs: readonly OnnxFile[],
  { config }: TowersDescription,
): readonly [pictures: VectorOutput, texts: VectorOutput] {
  const [pictures, texts] = graphs as [OnnxFile, OnnxFile];
  const towers = towersArchitecture(config);
  const { width } = towers.textProjection(textConfig(towers, config), config);
  return [pictureOutput(pictures, 'image-embedding', '', width), textOutput(texts, width)];
}

/** @throws KvasirError as `openSession`, `unsupported_model` */
export async function openReadyMadePictures(
  environment: Environment,
  graph: OnnxFile,
  description: VisionDescription,
  settings: SessionSettings | undefined,
): Promise<VisionEncoder> {
  const { task, config, size, preprocessing } = description;
  const output = outputOf(graph, description);
  const session = await openSession(environment, graph.path, { spinning: false, ...settings });
  const shape = { task, width: output.width, size, preprocessing, output, isNormalized: false };
  return new ReadyMadePictures(session, { ...shape, ...tokenSizes(config) });
}

/** @throws KvasirError as `openSession`, `unsupported_model` */
export async function openReadyMadeTowers(
  environment: Environment,
  graphs: readonly OnnxFile[],
  description: TowersDescription,
  prepare: PrepareText,
  settings: SessionSettings | undefined,
): Promise<Towers> {
  checkReadyMadeTowers(graphs, description);
  const { config, size, preprocessing, contextLength } = description;
  const [pictures, texts] = graphs as [OnnxFile, OnnxFile];
  const [output, textVectors] = towerOutputs(graphs, description);
  const own = { spinning: false, ...settings };
  const seeing = await openSession(environment, pictures.path, own);
  try {
    const reading = await openSession(environment, texts.path, own);
    const text = new ReadyMadeTexts(reading, {
      contextLength,
      vocabularySize: textConfig(towersArchitecture(config), config).size('vocab_size'),
      output: textVectors,
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
