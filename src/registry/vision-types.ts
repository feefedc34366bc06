import type { EncoderService } from '#batching/types.js';
import type { ScoreActivation } from '#model/classifier-labels.js';
import type { TowerSimilarity, VisionEncoder } from '#model/vision/contract.js';
import type { TensorService } from '#tensors/types.js';
import type { Preprocessing } from '#vision/types.js';
import type { EncoderModel, Model } from './types.js';

/** How a model sees. */
export interface Vision extends Pick<VisionEncoder, 'task' | 'width' | 'tokensOf'> {
  /** What becomes of a picture before its encoder has it. */
  readonly preprocessing: Preprocessing;
  /** Of the pictures that its encoder takes, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
}

/** A model that reads pictures in one go: embeddings, classification. */
export interface VisionModel extends Model {
  readonly vision: Vision;
  readonly encoder: EncoderService;
  readonly tensors: TensorService;
  /** Names of the labels, for classification; empty otherwise. */
  readonly labels: readonly string[];
  /** How classification logits become scores. */
  readonly activation: ScoreActivation;
}

/**
 * Two towers: texts and pictures become vectors of one space (CLIP, Radford et al. 2021). One encoder service
 * takes both.
 */
export interface TowersModel extends EncoderModel, Pick<VisionModel, 'vision'> {
  /** What a cosine of a text and a picture says; undefined where the model does not tell. */
  readonly similarity: TowerSimilarity | undefined;
}

/** A model that reads texts, pictures, or both in one go. */
export type OneShotModel = EncoderModel | VisionModel | TowersModel;
