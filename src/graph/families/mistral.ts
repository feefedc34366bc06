import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';

/** Mistral (Jiang et al. 2023): Llama with a sliding window. */
export const mistral: DecoderArchitecture = {
  modelTypes: ['mistral'],
  sizes: uniformlyWindowedSizes,
  design: source => llamaDesign(source),
};
