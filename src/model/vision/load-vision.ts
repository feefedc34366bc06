import { buildVision } from '#graph/build-vision.js';
import type { Environment } from '#runtime/index.js';
import { openSession } from '../open-session.js';
import { requireFiniteFeatures } from '../trial.js';
import type { VisionEncoder } from './contract.js';
import type { LoadedVision, VisionDescription, VisionOptions } from './loaded.js';
import { PictureEncoder } from './picture-encoder.js';
import { openReadyMadePictures } from './ready-made/open.js';
import { describeVision, visionBuild } from './vision-description.js';
import { planVision, type VisionRun } from './vision-plan.js';

/**
 * Loads the model of pictures of a folder in the Hugging Face layout: built from its weights, or, where there are
 * none that can be built, the ONNX graph that it has.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadVision(
  environment: Environment,
  folder: string,
  options: VisionOptions = {},
): Promise<LoadedVision> {
  const description = await describeVision(folder);
  const plan = await planVision(folder, description.config, options);
  const encoder = await open(environment, folder, plan, description, options);
  try {
    await requireFiniteFeatures(folder, encoder, description.size);
  } catch (error) {
    encoder.dispose();
    throw error;
  }
  return { encoder, description, path: plan.path };
}

async function open(
  environment: Environment,
  folder: string,
  plan: VisionRun,
  description: VisionDescription,
  { session: settings, onProgress, onDamaged }: VisionOptions,
): Promise<VisionEncoder> {
  const { task, size } = description;
  if (plan.source === 'onnx')
    return openReadyMadePictures(environment, plan.graphs[0]!, description, settings);
  const build = { ...visionBuild(description, plan.precision), onProgress, onDamaged };
  const { graphPath, sizes, width } = await buildVision(folder, build);
  const session = await openSession(environment, graphPath, { spinning: false, ...settings });
  return new PictureEncoder(session, { task, width, size, ...sizes });
}
