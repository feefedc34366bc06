import path from 'node:path';
import type { Activation } from './blocks/activation.js';
import { ModelConfig } from './config.js';

/** A fully connected layer, in a folder of its own. */
export interface DenseLayer {
  readonly kind: 'dense';
  /** Relative to the model's folder; it holds the layer's weights. Empty: they are among the model's own. */
  readonly folder: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  readonly activation: Activation;
}

/** A layer norm (Ba et al. 2016) with PyTorch's epsilon, in a folder of its own. */
export interface NormLayer {
  readonly kind: 'layer-norm';
  readonly folder: string;
  readonly size: number;
}

/** A module of sentence-transformers that changes a pooled vector; `normalize` scales it to a length of 1. */
export type SentenceLayer = DenseLayer | NormLayer | { readonly kind: 'normalize' };

/** The feature that modules read and write: the pooled vector, or those of tokens. */
export type Feature = 'sentence_embedding' | 'token_embeddings';

/** Activations by the last part of their Python name. */
const TORCH_ACTIVATIONS: Readonly<Record<string, Activation>> = {
  Identity: 'linear',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

/**
 * Reads a module by its class.
 *
 * @param place its folder, relative to the model's.
 * @param feature what it must read and write.
 * @returns undefined where the class is not known.
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function readSentenceLayer(
  folder: string,
  type: string,
  place: string,
  feature: Feature = 'sentence_embedding',
): Promise<SentenceLayer | undefined> {
  switch (type) {
    case 'Normalize':
      return { kind: 'normalize' };
    case 'Dense':
      return readDense(await ModelConfig.read(path.join(folder, place)), place, feature);
    case 'LayerNorm': {
      const config = await ModelConfig.read(path.join(folder, place));
      return { kind: 'layer-norm', folder: place, size: config.size('dimension') };
    }
    default:
      return undefined;
  }
}

function readDense(config: ModelConfig, folder: string, feature: Feature): DenseLayer {
  for (const name of ['module_input_name', 'module_output_name'])
    if (config.string(name, feature) !== feature)
      config.unsupported(`${name} is '${config.string(name)}': a Dense on anything but ${feature}`);
  if (config.flag('use_residual', false)) config.unsupported('use_residual is true');
  const name = config.string('activation_function', 'torch.nn.modules.activation.Tanh');
  return {
    kind: 'dense',
    folder,
    inputs: config.size('in_features'),
    outputs: config.size('out_features'),
    bias: config.flag('bias', true),
    activation: torchActivation(name) ?? config.unsupported(`activation_function is '${name}'`),
  };
}

function torchActivation(name: string): Activation | undefined {
  return name.startsWith('torch.') ? TORCH_ACTIVATIONS[name.split('.').at(-1)!] : undefined;
}
