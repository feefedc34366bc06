import type { TowerSimilarity } from '#model/vision/contract.js';
import { TowerTensors } from '#tensors/tower-tensors.js';
import { VisionTensors } from '#tensors/vision-tensors.js';
import { towersCard, visionCard } from './card.js';
import { encoderModel, type EncoderParts } from './models.js';
import type { TowersModel, VisionModel } from './vision-types.js';

/** The parts of a model of pictures; the rest of it follows from them. */
export type VisionParts = Pick<VisionModel, 'id' | 'device' | 'path' | 'encoder' | 'vision'> &
  Partial<Pick<VisionModel, 'created' | 'labels' | 'activation'>>;

export function visionModel(parts: VisionParts): VisionModel {
  const { encoder, vision, labels = [] } = parts;
  return {
    created: Math.floor(Date.now() / 1000),
    activation: 'none',
    ...parts,
    labels,
    card: visionCard(vision.task, labels),
    tensors: new VisionTensors(parts),
    stats: () => ({ encoder: encoder.stats() }),
    close: () => encoder.close(),
  };
}

/** The parts of two towers: one encoder service for texts and pictures. */
export type TowersParts = Omit<EncoderParts, 'task' | 'width' | 'labels' | 'activation'> &
  Pick<TowersModel, 'vision'> & { readonly similarity: TowerSimilarity | undefined };

export function towersModel(parts: TowersParts): TowersModel {
  const { encoder, vision, contextLength, similarity, autoTruncate } = parts;
  const { width } = vision;
  const texts = encoderModel({ ...parts, task: 'embedding', width, labels: [], activation: 'none' });
  return {
    ...texts,
    vision,
    similarity,
    card: towersCard(contextLength, autoTruncate),
    tensors: new TowerTensors(texts.tensors, new VisionTensors({ encoder, vision })),
  };
}
