import { harmless, honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';
import {
  conversationFields,
  beamPeerFields,
  generationFields,
  reportPeerFields,
  samplingPeerFields,
  structurePeerFields,
} from '../generation-fields.js';

const NOTHING_STORED = 'nothing is stored, send the whole conversation';

/** What becomes of each field that peers have in a request for a response. */
export const responsePeerFields: readonly PeerField[] = [
  ...honoured(
    ['OpenAI', 'vLLM', 'llama.cpp'],
    'input',
    'instructions',
    'max_output_tokens',
    'text.format.type',
    'text.format.schema',
    'metadata',
  ),
  ...refused(['OpenAI', 'vLLM'], 'use text.format', ['response_format']),
  ...refused(['OpenAI', 'vLLM'], 'use max_output_tokens', ['max_tokens', 'max_completion_tokens']),
  ...refused(['llama.cpp'], 'use max_output_tokens', ['n_predict'], [-1]),
  ...refused(['OpenAI', 'vLLM'], 'there is one response', ['n', 'n_cmpl', 'best_of'], [1]),
  ...harmless(
    ['OpenAI', 'vLLM'],
    'the schema always holds, and the prompt says what it is for',
    'text.format.name',
    'text.format.description',
    'text.format.strict',
  ),
  ...conversationFields,
  ...generationFields,
  ...beamPeerFields,
  ...samplingPeerFields,
  ...reportPeerFields,
  ...honoured(['OpenAI', 'vLLM'], 'include', 'top_logprobs', 'truncation', 'reasoning.effort'),
  ...harmless(
    ['OpenAI', 'vLLM'],
    'reasoning is not told from text',
    'reasoning.summary',
    'reasoning.generate_summary',
    'reasoning.context',
  ),
  ...refused(['vLLM'], 'use completions or chat completions', ['prompt_logprobs']),
  ...structurePeerFields,
  ...refused(['OpenAI', 'vLLM'], NOTHING_STORED, [
    'previous_response_id',
    'background',
    'background_options',
    'prompt',
    'conversation',
    'context_management',
  ]),
  ...refused(['vLLM'], NOTHING_STORED, ['previous_response', 'previous_input_messages']),
  ...refused(['vLLM'], 'use return_token_ids', ['enable_response_messages']),
  ...refused(['OpenAI'], 'say in a message how long the answer is to be', ['text.verbosity'], ['medium']),
  ...harmless(['OpenAI', 'vLLM'], 'the server calls no tools itself', 'max_tool_calls'),
];
