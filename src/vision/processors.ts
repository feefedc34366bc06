import type { ResamplingFilter } from './types.js';

/** How a size of one number, or of none of these, is read: as a field of a preprocessor_config.json. */
export type SizeField = number | readonly number[] | Readonly<Record<string, number>>;

/** What a processor of transformers does where its preprocessor_config.json does not say. */
export interface Processor {
  readonly resample: ResamplingFilter;
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
  readonly size: SizeField;
  /** Whether a size of one number is width and height; or the shorter edge. */
  readonly square: boolean;
  /** What `do_center_crop` cuts. */
  readonly cropSize?: SizeField;
  readonly crops?: true;
  /** Whether transparent parts are seen in front of white. */
  readonly convertsToRgb?: true;
  /** Sizes below 384 are cut out of the middle of a picture so many times larger: ConvNeXT's (Liu et al. 2022). */
  readonly cropShare?: number;
}

const HALVES = [0.5, 0.5, 0.5] as const;
const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;
const CLIP = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
} as const;
const STANDARD = { mean: HALVES, deviation: HALVES } as const;
const SQUARE_224 = { height: 224, width: 224 } as const;

const VIT: Processor = { ...STANDARD, resample: 'bilinear', size: SQUARE_224, square: true };
const CLIP_LIKE: Processor = {
  ...CLIP,
  resample: 'bicubic',
  size: { shortest_edge: 224 },
  square: false,
  cropSize: SQUARE_224,
  crops: true,
  convertsToRgb: true,
};

/** By the names of transformers' classes, without `ImageProcessor`. */
export const PROCESSORS: Readonly<Record<string, Processor>> = {
  ViT: VIT,
  DeiT: {
    ...VIT,
    resample: 'bicubic',
    size: { height: 256, width: 256 },
    cropSize: SQUARE_224,
    crops: true,
  },
  Beit: { ...VIT, resample: 'bicubic', cropSize: SQUARE_224 },
  DINOv3ViT: { ...VIT, ...IMAGENET },
  CLIP: CLIP_LIKE,
  /** Of DINOv2, too. */
  Bit: CLIP_LIKE,
  Siglip: { ...VIT, resample: 'bicubic', square: false, convertsToRgb: true },
  ConvNext: {
    ...STANDARD,
    resample: 'bicubic',
    size: { shortest_edge: 384 },
    square: false,
    cropShare: 224 / 256,
  },
};

/** Whose processor a model has where its preprocessor_config.json names none: by config.json's `model_type`. */
export const PROCESSORS_OF_MODELS: Readonly<Record<string, string>> = {
  vit: 'ViT',
  vit_mae: 'ViT',
  vit_msn: 'ViT',
  ijepa: 'ViT',
  swin: 'ViT',
  swinv2: 'ViT',
  deit: 'DeiT',
  beit: 'Beit',
  'data2vec-vision': 'Beit',
  clip: 'CLIP',
  metaclip_2: 'CLIP',
  dinov2: 'Bit',
  dinov2_with_registers: 'Bit',
  dinov3_vit: 'DINOv3ViT',
  siglip: 'Siglip',
  convnext: 'ConvNext',
  convnextv2: 'ConvNext',
  resnet: 'ConvNext',
  regnet: 'ConvNext',
};
