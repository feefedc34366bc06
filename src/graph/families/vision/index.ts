import type { TowersArchitecture } from '../../assembly/towers/architecture.js';
import type { VisionArchitecture } from '../../assembly/vision/architecture.js';
import type { ModelConfig } from '../../config.js';
import { beit } from './beit.js';
import { clip, clipVision } from './clip.js';
import { dinov2, dinov2WithRegisters } from './dinov2.js';
import { dinov3 } from './dinov3.js';
import { siglip, siglipVision } from './siglip.js';
import { swin } from './swin.js';
import { deit, vit } from './vit.js';

const VISION: readonly VisionArchitecture[] = [
  vit,
  deit,
  swin,
  dinov2,
  dinov2WithRegisters,
  dinov3,
  beit,
  clipVision,
  siglipVision,
];

const TOWERS: readonly TowersArchitecture[] = [clip, siglip];

/** Values of `model_type` of all families that see. */
export const VISION_TYPES: readonly string[] = [...VISION, ...TOWERS].flatMap(({ modelTypes }) => modelTypes);

/** The encoder of pictures of this `model_type`, or undefined: there is none, or no `model_type`. */
export function findVision(config: ModelConfig): VisionArchitecture | undefined {
  return find(VISION, config);
}

/** The two towers of this `model_type`, or undefined: there are none, or no `model_type`. */
export function findTowers(config: ModelConfig): TowersArchitecture | undefined {
  return find(TOWERS, config);
}

/** @throws KvasirError `unsupported_model` where no encoder of pictures of this `model_type` is known */
export function visionArchitecture(config: ModelConfig): VisionArchitecture {
  return findVision(config) ?? unknown(config, 'encoder of pictures', VISION);
}

/** @throws KvasirError `unsupported_model` where no two towers of this `model_type` are known */
export function towersArchitecture(config: ModelConfig): TowersArchitecture {
  if (config.modelType === 'siglip2')
    return config.unsupported(
      "a 'siglip2' takes pictures of any form (NaFlex), which is not supported; those of one size are a 'siglip'",
    );
  return findTowers(config) ?? unknown(config, 'model of texts and pictures', TOWERS);
}

/** The fields of an encoder of pictures: a section of config.json, or all of it. */
export function visionConfig({ section }: VisionArchitecture, config: ModelConfig): ModelConfig {
  return (section === undefined ? undefined : config.section(section)) ?? config;
}

/** The fields of the tower that reads, with what its configuration class has by itself. */
export function textConfig({ text }: TowersArchitecture, config: ModelConfig): ModelConfig {
  const section = config.section('text_config') ?? config.invalid('text_config is missing');
  return section.withDefaults(text.defaults);
}

function find<T extends { readonly modelTypes: readonly string[] }>(
  architectures: readonly T[],
  config: ModelConfig,
): T | undefined {
  const type = config.string('model_type', '');
  return architectures.find(({ modelTypes }) => modelTypes.includes(type));
}

function unknown(
  config: ModelConfig,
  what: string,
  architectures: readonly { readonly modelTypes: readonly string[] }[],
): never {
  const known = architectures.flatMap(({ modelTypes }) => modelTypes).sort();
  return config.unsupported(
    `model_type '${config.modelType}' is not supported as ${what}. Supported are ${known.join(', ')}; any other as an ONNX export`,
  );
}
