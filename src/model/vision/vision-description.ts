import { existsSync } from 'node:fs';
import path from 'node:path';
import { ModelConfig } from '#graph/config.js';
import {
  findTowers,
  findVision,
  textConfig,
  towersArchitecture,
  visionConfig,
} from '#graph/families/vision/index.js';
import { pictureSize } from '#graph/assembly/vision/sizes.js';
import type { TowersPlan } from '#graph/build-towers.js';
import type { VisionPlan } from '#graph/build-vision.js';
import type { EncoderPrecision } from '#graph/encoder-graph.js';
import { readPreprocessing } from '#vision/preprocessing.js';
import type { PictureSize, Preprocessing } from '#vision/types.js';
import { readActivation, readLabels } from '../classifier-labels.js';
import type { VisionTask } from './contract.js';
import type { TowersDescription, VisionDescription } from './loaded.js';

/** Endings of the names in `architectures` of a classifier of pictures. */
const CLASSIFIER = /ForImageClassification(WithTeacher)?$/;
/** Of models whose features are taken: those without a head, and those with one that only training had. */
const FEATURES = /(Model|ModelWithProjection|ForMaskedImageModeling|ForPreTraining|Backbone)$/;

/**
 * Whether a folder holds a model of pictures, alone or beside one of texts in one space; undefined: neither.
 *
 * @throws KvasirError `invalid_model` where config.json is broken
 */
export async function visionKind(folder: string): Promise<'vision' | 'towers' | undefined> {
  if (!existsSync(path.join(folder, 'config.json'))) return undefined;
  const config = await ModelConfig.read(folder);
  if (config.strings('architectures', []).some(name => CLASSIFIER.test(name))) return 'vision';
  if (findTowers(config) !== undefined || config.string('model_type', '') === 'siglip2') return 'towers';
  return findVision(config) === undefined ? undefined : 'vision';
}

/**
 * Reads the folder of a model of pictures.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function describeVision(folder: string): Promise<VisionDescription> {
  const config = await ModelConfig.read(folder);
  const task = taskOf(config);
  const preprocessing = await readPreprocessing(folder);
  const labels = task === 'image-classification' ? readLabels(config) : [];
  return {
    task,
    config,
    preprocessing,
    size: servedSize(preprocessing, ownFields(config)),
    labels,
    activation:
      task === 'image-classification'
        ? readActivation(config, 'sequence-classification', labels.length, {
            kind: undefined,
            activation: undefined,
          })
        : 'none',
  };
}

/**
 * Reads the folder of two towers.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function describeTowers(folder: string): Promise<TowersDescription> {
  const config = await ModelConfig.read(folder);
  const towers = towersArchitecture(config);
  const preprocessing = await readPreprocessing(folder);
  return {
    config,
    preprocessing,
    size: servedSize(preprocessing, visionConfig(towers.vision, config)),
    contextLength: towers.text.sizes(textConfig(towers, config)).contextLength,
  };
}

/** What is to be built of a folder with a model of pictures. */
export function visionBuild(
  { task, labels, preprocessing, size }: VisionDescription,
  precision: EncoderPrecision,
): VisionPlan {
  return { task, labels: labels.length, pictures: servedPictures(preprocessing, size), precision };
}

/** What is to be built of a folder with two towers. */
export function towersBuild(
  { preprocessing, size }: TowersDescription,
  precision: EncoderPrecision,
): TowersPlan {
  return { pictures: servedPictures(preprocessing, size), precision };
}

function servedPictures(
  { scale, mean, deviation }: Preprocessing,
  size: PictureSize,
): VisionPlan['pictures'] {
  return { size, normalization: { scale, mean, deviation } };
}

function taskOf(config: ModelConfig): VisionTask {
  const names = config.strings('architectures', []);
  if (names.some(name => CLASSIFIER.test(name))) return 'image-classification';
  const other = names.find(name => !FEATURES.test(name));
  return other === undefined
    ? 'image-embedding'
    : config.unsupported(
        `a ${other}, whose head is not supported: of models of pictures, classifiers and features are`,
      );
}

/** The size of pictures behind their preprocessing: what it makes of all, or else the model's own. */
function servedSize({ crop, resize }: Preprocessing, config: ModelConfig): PictureSize {
  if (crop !== undefined) return crop;
  if (resize !== undefined && 'width' in resize.to) return resize.to;
  return pictureSize(config);
}

/** The fields of the encoder itself, also of one that only runs ready-made. */
function ownFields(config: ModelConfig): ModelConfig {
  const architecture = findVision(config);
  return architecture === undefined ? config : visionConfig(architecture, config);
}
