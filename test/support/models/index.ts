import { DEEPSEEK_MODELS } from './deepseek.js';
import { GEMMA_MODELS } from './gemma.js';
import { GEMMA3N } from './gemma3n.js';
import { GEMMA4 } from './gemma4.js';
import { GPT2 } from './gpt2.js';
import { GRANITE } from './granite.js';
import { LAYER_NORM_MODELS } from './layer-norm.js';
import { LLAMA_MODELS } from './llama.js';
import { MISTRAL } from './mistral.js';
import { EXPERT_MODELS } from './mixture-of-experts.js';
import type { CaseModel } from './model.js';
import { NEAR_LLAMA_MODELS } from './near-llama.js';
import { PHI3, PHI3_LONG, PHI3_PARTIAL } from './phi3.js';
import { QWEN_MODELS } from './qwen.js';
import { SMOLLM3 } from './smollm3.js';
import { STARCODER2 } from './starcoder2.js';

/** A tiny model of every architecture, and more where one has variants. */
export const MODELS: readonly CaseModel[] = [
  ...LLAMA_MODELS,
  MISTRAL,
  ...QWEN_MODELS,
  PHI3,
  PHI3_LONG,
  PHI3_PARTIAL,
  ...GEMMA_MODELS,
  GEMMA3N,
  GEMMA4,
  GPT2,
  SMOLLM3,
  GRANITE,
  STARCODER2,
  ...LAYER_NORM_MODELS,
  ...EXPERT_MODELS,
  ...NEAR_LLAMA_MODELS,
  ...DEEPSEEK_MODELS,
];
