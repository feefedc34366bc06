import type { BuildOptions } from '#graph/build.js';
import type { ModelConfig } from '#graph/config.js';
import type { SessionSettings } from '#runtime/index.js';
import type { Preprocessing } from '#vision/types.js';
import type { ScoreActivation } from '../classifier-labels.js';
import type { PlanOptions } from '../decoder/decoder-plan.js';
import type { Encoder } from '../encoder/contract.js';
import type { RunPath } from '../run-path.js';
import type { TowerSimilarity, VisionEncoder, VisionTask } from './contract.js';

export interface VisionOptions extends PlanOptions {
  /** As for encoders of texts. */
  readonly session?: SessionSettings | undefined;
  readonly onProgress?: BuildOptions['onProgress'];
  readonly onDamaged?: BuildOptions['onDamaged'];
}

/** What the folder of a model of pictures says that it is. */
export interface VisionDescription {
  readonly task: VisionTask;
  readonly config: ModelConfig;
  /** What is done to a picture before its pixels are given. */
  readonly preprocessing: Preprocessing;
  /** The one size of pictures that it takes, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Of a classifier, in the order of the logits; else empty. */
  readonly labels: readonly string[];
  /** Of a classifier's logits; else `none`. */
  readonly activation: ScoreActivation;
}

/** What the folder of two towers says that it is. */
export interface TowersDescription {
  /** `config.json`, with `text_config` and `vision_config`. */
  readonly config: ModelConfig;
  readonly preprocessing: Preprocessing;
  readonly size: { readonly width: number; readonly height: number };
  /** Longest text, in tokens; the towers' makers cut longer ones (`cutText` of `text-tower.ts`). */
  readonly contextLength: number;
}

/** A model of pictures alone: what `loadVision(environment, folder, options)` of `load-vision.ts` gives. */
export interface LoadedVision {
  readonly encoder: VisionEncoder;
  readonly description: VisionDescription;
  readonly path: RunPath;
}

/** Texts and pictures in one space: what `loadTowers(environment, folder, options)` of `load-towers.ts` gives. */
export interface LoadedTowers {
  /** Its vectors have a length of 1. */
  readonly vision: VisionEncoder;
  /** Task `embedding`; its vectors have a length of 1. Pads by itself where the model wants it. */
  readonly text: Encoder;
  /**
   * Undefined where neither weights nor a ready-made graph of both tell, and nothing is usual: cosines alone are known
   * then.
   */
  readonly similarity: TowerSimilarity | undefined;
  readonly description: TowersDescription;
  /** In the folder itself. */
  readonly tokenizerFolder: string;
  readonly path: RunPath;
}
