import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';

/** Mistral (Jiang et al. 2023): Llama with a sliding window. */
export const mistral: DecoderArchitecture = {
  modelTypes: ['mistral'],
  sizes: uniformlyWindowedSizes,
  design: source => llamaDesign(source),
};

/** Ministral (Mistral AI 2024): Mistral whose layers may differ in whether they have a window. */
export const ministral: DecoderArchitecture = {
  modelTypes: ['ministral'],
  defaults: { sliding_window: 4096 },
  sizes: uniformlyWindowedSizes,
  design: source => llamaDesign(source),
};
