import { harmless, honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';

const ELSEWHERE = 'it is about how the peer runs, not about the answer';
const OWN_PROCESSING = "pictures are prepared as the model's preprocessor_config.json says";

/** Fields that vLLM has on all routes of encoders. */
export const poolingFields: readonly PeerField[] = [
  ...honoured(
    ['vLLM'],
    'model',
    'truncate_prompt_tokens',
    'truncation_side',
    'add_special_tokens',
    'use_activation',
  ),
  ...harmless(['vLLM'], ELSEWHERE, 'priority', 'request_id', 'session_id'),
  ...harmless(['vLLM'], 'encoders keep no cache', 'cache_salt'),
  ...refused(['vLLM'], OWN_PROCESSING, ['mm_processor_kwargs', 'media_io_kwargs'], [{}]),
];

/** Fields with which vLLM makes an input of a conversation. */
export const conversationInputFields: readonly PeerField[] = [
  ...honoured(['vLLM'], 'messages'),
  ...refused(['vLLM'], 'an encoder has no chat template', ['chat_template'], ['']),
  ...refused(['vLLM'], 'an encoder has no chat template', ['chat_template_kwargs'], [{}]),
  ...harmless(
    ['vLLM'],
    'it says something only of messages',
    'add_generation_prompt',
    'continue_final_message',
  ),
];

/** The field for the accounts of the peer. */
export const userField: readonly PeerField[] = harmless(
  ['OpenAI', 'vLLM'],
  'it is for the accounts of the peer',
  'user',
);
