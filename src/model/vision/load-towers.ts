import path from 'node:path';
import { buildTowers, readSimilarity } from '#graph/build-towers.js';
import { textConfig, towersArchitecture } from '#graph/families/vision/index.js';
import { findWeightsFile } from '#graph/weights/checkpoint.js';
import type { Environment } from '#runtime/index.js';
import type { Encoder } from '../encoder/contract.js';
import { PackedEncoder } from '../encoder/packed/packed-encoder.js';
import { chooseGraphs, filesOf } from '../graph-files.js';
import { readOnnxFile } from '../onnx-file.js';
import { openSession } from '../open-session.js';
import { requireFiniteFeatures, requireFiniteOutput } from '../trial.js';
import type { TowerSimilarity, VisionEncoder } from './contract.js';
import type { LoadedTowers, TowersDescription, VisionOptions } from './loaded.js';
import { paddingId } from './padding-id.js';
import { PictureEncoder } from './picture-encoder.js';
import { graphSimilarity } from './ready-made/graph-similarity.js';
import { openReadyMadeTowers } from './ready-made/open.js';
import { TextTowerEncoder, textPreparation, type PrepareText } from './text-tower.js';
import { describeTowers, towersBuild } from './vision-description.js';
import { planTowers } from './vision-plan.js';

/**
 * Loads the two towers of a folder in the Hugging Face layout: built from its weights, or, where there are none that
 * can be built, the two ONNX graphs that it has.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadTowers(
  environment: Environment,
  folder: string,
  options: VisionOptions = {},
): Promise<LoadedTowers> {
  const description = await describeTowers(folder);
  const plan = await planTowers(folder, description.config, options);
  const prepare = await textsOf(folder, description);
  const { vision, text } =
    plan.source === 'onnx'
      ? await openReadyMadeTowers(environment, plan.graphs, description, prepare, options.session)
      : await openBuilt(environment, folder, plan.precision, description, prepare, options);
  try {
    await requireFiniteFeatures(folder, vision, description.size);
    await requireFiniteOutput(folder, text);
    return {
      vision,
      text,
      similarity: await similarityOf(folder, description),
      description,
      tokenizerFolder: folder,
      path: plan.path,
    };
  } catch (error) {
    vision.dispose();
    text.dispose();
    throw error;
  }
}

/** Both towers. */
export interface Towers {
  readonly vision: VisionEncoder;
  readonly text: Encoder;
}

async function openBuilt(
  environment: Environment,
  folder: string,
  precision: Parameters<typeof towersBuild>[1],
  description: TowersDescription,
  prepare: PrepareText,
  { session: settings, onProgress, onDamaged }: VisionOptions,
): Promise<Towers> {
  const plan = { ...towersBuild(description, precision), onProgress, onDamaged };
  const { visionPath, textPath, visionSizes, textSizes, width } = await buildTowers(folder, plan);
  const own = { spinning: false, ...settings };
  const seeing = await openSession(environment, visionPath, own);
  try {
    const reading = await openSession(environment, textPath, own);
    const { size, contextLength } = description;
    const texts = new PackedEncoder(reading, {
      task: 'embedding',
      sizes: textSizes,
      contextLength,
      width,
      listed: 'last',
    });
    return {
      vision: new PictureEncoder(seeing, { task: 'image-embedding', width, size, ...visionSizes }),
      text: new TextTowerEncoder(texts, prepare),
    };
  } catch (error) {
    seeing.dispose();
    throw error;
  }
}

async function textsOf(folder: string, { config, contextLength }: TowersDescription): Promise<PrepareText> {
  const towers = towersArchitecture(config);
  const own = textConfig(towers, config);
  const padding = towers.preparation === 'filled' ? await paddingId(folder, own) : 0;
  return textPreparation(towers.preparation, own, contextLength, padding);
}

/**
 * From the weights, or else from the ready-made graph of both towers that mostly stands beside those of each, or else
 * what is usual in the family.
 */
async function similarityOf(
  folder: string,
  { config }: TowersDescription,
): Promise<TowerSimilarity | undefined> {
  const towers = towersArchitecture(config);
  const { activation, usualScale } = towers.similarity;
  if (findWeightsFile(folder) !== undefined) return { ...(await readSimilarity(folder, towers)), activation };
  const [both] = chooseGraphs(await filesOf(folder));
  const found = both === undefined ? undefined : graphSimilarity(await readOnnxFile(path.join(folder, both)));
  if (found !== undefined) return { ...found, activation };
  return usualScale === undefined ? undefined : { scale: usualScale, bias: 0, activation };
}
