import { honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';
import {
  generationFields,
  reportPeerFields,
  responseFormatFields,
  samplingPeerFields,
  structurePeerFields,
} from '../generation-fields.js';

/** What becomes of each field that peers have in a request for a completion. */
export const completionPeerFields: readonly PeerField[] = [
  ...honoured(
    ['OpenAI', 'vLLM', 'llama.cpp'],
    'prompt',
    'max_tokens',
    'n',
    'logprobs',
    'stream_options.include_usage',
  ),
  ...honoured(['OpenAI', 'vLLM'], 'echo', 'best_of'),
  ...generationFields,
  ...samplingPeerFields,
  ...reportPeerFields,
  ...honoured(['vLLM'], 'prompt_logprobs', 'stream_options.continuous_usage_stats'),
  ...honoured(['vLLM'], 'use_beam_search', 'length_penalty', 'early_stopping'),
  ...responseFormatFields,
  ...structurePeerFields,
  ...refused(['OpenAI', 'vLLM'], 'a text cannot be filled in from both sides', ['suffix'], ['']),
  ...refused(['vLLM'], 'prompts are texts or token ids', ['prompt_embeds']),
  ...refused(['llama.cpp'], 'use max_tokens', ['n_predict'], [-1]),
  ...refused(['OpenAI'], 'use max_tokens', ['max_completion_tokens', 'max_output_tokens']),
  ...refused(['llama.cpp'], 'use n', ['n_cmpl'], [1]),
  ...refused(['llama.cpp'], 'use logprobs', ['n_probs'], [0]),
];
