import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wordTokenizer } from './random-encoder.js';
import { writeSafetensors, type Shapes } from './random-model.js';

/** The shape of ViT-B: https://huggingface.co/google/vit-base-patch16-224 */
const BASE = { hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12 };
/** That of CLIP's tower of texts beside it: https://huggingface.co/openai/clip-vit-base-patch32 */
const READING = { hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 12, num_attention_heads: 8 };
const SIDE = 224;
const WORDS = 49_408;
/** Written out, since not everybody who reads it has transformers' defaults. */
const PROCESSOR = { do_resize: true, do_rescale: true, rescale_factor: 1 / 255, do_normalize: true };
const HALVES = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };

/** Models that can be written: a classifier of a thousand labels, and two towers. */
export const VISION_SHAPES = ['vit-b-16', 'clip-vit-b-32'] as const;

/**
 * Writes a Hugging Face folder of a model of pictures with random weights: real in shape and cost, not in what it says.
 * Nothing is done where it exists already.
 *
 * @returns the folder.
 */
export async function writeRandomVision(
  folder: string,
  shape: (typeof VISION_SHAPES)[number],
): Promise<string> {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  await mkdir(partial, { recursive: true });
  const json = (name: string, content: unknown): Promise<void> =>
    writeFile(join(partial, name), JSON.stringify(content));
  const size = { height: SIDE, width: SIDE };
  const [config, processor, tensors] =
    shape === 'vit-b-16'
      ? [
          vitConfig(),
          { ...PROCESSOR, image_processor_type: 'ViTImageProcessor', size, resample: 2, ...HALVES },
          vitTensors(),
        ]
      : [
          clipConfig(),
          {
            ...PROCESSOR,
            image_processor_type: 'CLIPImageProcessor',
            size: { shortest_edge: SIDE },
            resample: 3,
            do_center_crop: true,
            crop_size: size,
            image_mean: [0.48145466, 0.4578275, 0.40821073],
            image_std: [0.26862954, 0.26130258, 0.27577711],
          },
          clipTensors(),
        ];
  await json('config.json', config);
  await json('preprocessor_config.json', processor);
  if (shape === 'clip-vit-b-32') await json('tokenizer.json', wordTokenizer());
  await writeSafetensors(join(partial, 'model.safetensors'), tensors);
  await rename(partial, folder);
  return folder;
}

function vitConfig(): unknown {
  const id2label = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, `label ${i}`]));
  return {
    architectures: ['ViTForImageClassification'],
    model_type: 'vit',
    image_size: SIDE,
    patch_size: 16,
    id2label,
    ...BASE,
  };
}

function clipConfig(): unknown {
  return {
    architectures: ['CLIPModel'],
    model_type: 'clip',
    projection_dim: 512,
    text_config: { vocab_size: WORDS, max_position_embeddings: 77, ...READING },
    vision_config: { image_size: SIDE, patch_size: 32, ...BASE },
  };
}

function vitTensors(): Shapes {
  const { hidden_size: hidden } = BASE;
  return {
    'vit.embeddings.cls_token': [1, 1, hidden],
    'vit.embeddings.position_embeddings': [1, 197, hidden],
    ...dense('vit.embeddings.patch_embeddings.projection', hidden, 3, 16, 16),
    ...layers(BASE, i => `vit.encoder.layer.${i}`, {
      attention: ['query', 'key', 'value']
        .map(side => `attention.attention.${side}`)
        .concat('attention.output.dense'),
      norms: ['layernorm_before', 'layernorm_after'],
      up: 'intermediate.dense',
      down: 'output.dense',
    }),
    ...norm('vit.layernorm', hidden),
    ...dense('classifier', 1000, hidden),
  };
}

function clipTensors(): Shapes {
  const tower = {
    attention: ['q', 'k', 'v', 'out'].map(side => `self_attn.${side}_proj`),
    norms: ['layer_norm1', 'layer_norm2'],
    up: 'mlp.fc1',
    down: 'mlp.fc2',
  };
  const { hidden_size: hidden } = BASE;
  const { hidden_size: reading } = READING;
  return {
    logit_scale: [],
    'vision_model.embeddings.class_embedding': [hidden],
    'vision_model.embeddings.patch_embedding.weight': [hidden, 3, 32, 32],
    'vision_model.embeddings.position_embedding.weight': [50, hidden],
    ...norm('vision_model.pre_layrnorm', hidden),
    ...layers(BASE, i => `vision_model.encoder.layers.${i}`, tower),
    ...norm('vision_model.post_layernorm', hidden),
    'visual_projection.weight': [512, hidden],
    'text_model.embeddings.token_embedding.weight': [WORDS, reading],
    'text_model.embeddings.position_embedding.weight': [77, reading],
    ...layers(READING, i => `text_model.encoder.layers.${i}`, tower),
    ...norm('text_model.final_layer_norm', reading),
    'text_projection.weight': [512, reading],
  };
}

interface LayerNames {
  readonly attention: readonly string[];
  readonly norms: readonly string[];
  readonly up: string;
  readonly down: string;
}

function layers(
  { hidden_size: hidden, intermediate_size: inner, num_hidden_layers: count }: typeof BASE,
  prefix: (index: number) => string,
  { attention, norms, up, down }: LayerNames,
): Shapes {
  const shapes: Shapes = {};
  for (let i = 0; i < count; i++) {
    for (const name of attention) Object.assign(shapes, dense(`${prefix(i)}.${name}`, hidden, hidden));
    for (const name of norms) Object.assign(shapes, norm(`${prefix(i)}.${name}`, hidden));
    Object.assign(
      shapes,
      dense(`${prefix(i)}.${up}`, inner, hidden),
      dense(`${prefix(i)}.${down}`, hidden, inner),
    );
  }
  return shapes;
}

function dense(name: string, ...shape: readonly number[]): Shapes {
  return { [`${name}.weight`]: shape, [`${name}.bias`]: [shape[0]!] };
}

function norm(name: string, size: number): Shapes {
  return { [`${name}.weight`]: [size], [`${name}.bias`]: [size] };
}
