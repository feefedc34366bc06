import { harmless, honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';

const SAMPLER = 'samplers here are temperature, top_k, top_p, min_p, penalties and logit_bias';
const NO_GRAMMAR = 'grammars are not followed';
const DEPENDENT = 'it says something only of a sampler that is refused';
const ELSEWHERE = 'it is about how the peer runs, not about the answer';

/** Fields that peers have on all three generating routes. */
export const generationFields: readonly PeerField[] = [
  ...honoured(['OpenAI', 'vLLM', 'llama.cpp'], 'model', 'temperature', 'top_p', 'stream'),
  ...honoured(['vLLM'], 'cache_salt'),

  ...refused(['llama.cpp'], SAMPLER, ['top_n_sigma'], [-1]),
  ...refused(['llama.cpp'], SAMPLER, ['typical_p'], [1]),
  ...refused(
    ['llama.cpp'],
    SAMPLER,
    ['xtc_probability', 'dynatemp_range', 'dry_multiplier', 'mirostat'],
    [0],
  ),
  ...refused(['llama.cpp'], SAMPLER, ['adaptive_target'], [-1]),
  ...harmless(
    ['llama.cpp'],
    DEPENDENT,
    'xtc_threshold',
    'dynatemp_exponent',
    'dry_base',
    'dry_allowed_length',
    'dry_penalty_last_n',
    'dry_sequence_breakers',
    'mirostat_tau',
    'mirostat_eta',
    'adaptive_decay',
    'repeat_last_n',
  ),
  ...refused(
    ['llama.cpp'],
    'it counts the last tokens only; use repetition_penalty, which counts all',
    ['repeat_penalty'],
    [1],
  ),
  ...refused(['llama.cpp'], 'at least one token is always left', ['min_keep'], [0, 1]),
  ...refused(['llama.cpp'], 'the order of samplers is fixed', ['samplers']),
  ...refused(['llama.cpp'], 'use x-request-timeout', ['t_max_predict_ms'], [-1, 0]),
  ...refused(['llama.cpp'], 'lines are not indented', ['n_indent'], [0]),
  ...refused(['llama.cpp'], `${NO_GRAMMAR}; use structured_outputs`, ['grammar'], ['', false, []]),
  ...refused(['llama.cpp'], 'use response_format', ['json_schema'], [false]),
  ...refused(['llama.cpp'], 'the choice of adapters is not offered', ['lora']),
  ...refused(['llama.cpp'], 'the answer has all its fields', [
    'response_fields',
    'post_sampling_probs',
    'return_progress',
    'timings_per_token',
    'verbose',
  ]),
  ...refused(['llama.cpp'], 'use return_token_ids', ['return_tokens']),
  ...harmless(
    ['llama.cpp'],
    ELSEWHERE,
    'cache_prompt',
    'id_slot',
    'n_keep',
    'n_discard',
    'n_cache_reuse',
    'sse_ping_interval',
    'backend_sampling',
  ),

  ...refused(['vLLM'], 'the server runs no code of clients', ['logits_processors']),
  ...refused(['vLLM'], 'there are no extensions that would read it', ['vllm_xargs'], [{}]),
  ...refused(['vLLM'], 'repetitions are not looked for', ['repetition_detection']),
  ...refused(['vLLM'], 'texts are not marked', ['watermarking']),
  ...refused(['vLLM'], 'caches are not handed over', ['kv_transfer_params', 'ec_transfer_params'], [{}]),
  ...refused(['vLLM'], 'models here read text only', ['mm_processor_kwargs', 'media_io_kwargs'], [{}]),
  ...harmless(
    ['vLLM'],
    ELSEWHERE,
    'priority',
    'request_id',
    'session_id',
    'stream_interval',
    'spaces_between_special_tokens',
  ),
  ...harmless(['OpenAI', 'vLLM'], 'it is for the accounts of the peer', 'user', 'service_tier'),
  ...harmless(['OpenAI'], 'it would pad events', 'stream_options.include_obfuscation'),
];

/** Fields of beam search, on routes without it. */
export const beamPeerFields: readonly PeerField[] = [
  ...refused(['vLLM'], 'beams are searched at /v1/completions', ['use_beam_search', 'early_stopping']),
  ...refused(['vLLM'], 'beams are searched at /v1/completions', ['length_penalty'], [1]),
];

/** Fields of sampling and stopping. */
export const samplingPeerFields: readonly PeerField[] = [
  ...honoured(
    ['OpenAI', 'vLLM', 'llama.cpp'],
    'presence_penalty',
    'frequency_penalty',
    'logit_bias',
    'seed',
    'stop',
  ),
  ...honoured(['vLLM', 'llama.cpp'], 'top_k', 'min_p', 'ignore_eos'),
  ...honoured(['vLLM'], 'repetition_penalty', 'min_tokens', 'stop_token_ids', 'include_stop_str_in_output'),
  ...honoured(['vLLM'], 'allowed_token_ids', 'bad_words', 'skip_special_tokens'),
];

/** Fields about how prompts are read, and what is reported by tokens' ids. */
export const reportPeerFields: readonly PeerField[] = [
  ...honoured(
    ['vLLM'],
    'truncate_prompt_tokens',
    'truncation_side',
    'add_special_tokens',
    'return_token_ids',
    'return_tokens_as_token_ids',
  ),
  ...refused(['vLLM'], 'use logprobs with alternatives', ['logprob_token_ids']),
  ...refused(['vLLM'], 'use return_token_ids', ['return_prompt_text']),
];

/** Fields that say what form an answer has. */
export const structurePeerFields: readonly PeerField[] = [
  ...honoured(
    ['vLLM'],
    'structured_outputs.json',
    'structured_outputs.json_object',
    'structured_outputs.regex',
    'structured_outputs.choice',
    'guided_json',
    'guided_regex',
    'guided_choice',
  ),
  ...refused(['vLLM'], `${NO_GRAMMAR}; use json, regex or choice`, [
    'structured_outputs.grammar',
    'structured_outputs.structural_tag',
  ]),
  ...refused(['vLLM'], `${NO_GRAMMAR}; use guided_json, guided_regex or guided_choice`, [
    'guided_grammar',
    'structural_tag',
  ]),
  ...refused(['vLLM'], 'which spaces and properties JSON may have is fixed', [
    'structured_outputs.disable_any_whitespace',
    'structured_outputs.disable_additional_properties',
    'structured_outputs.whitespace_pattern',
    'guided_whitespace_pattern',
  ]),
  ...harmless(
    ['vLLM'],
    'there is one way to follow a structure',
    'guided_decoding_backend',
    'structured_outputs.backend',
  ),
];

/** OpenAI's and vLLM's `response_format`. */
export const responseFormatFields: readonly PeerField[] = [
  ...honoured(['OpenAI', 'vLLM', 'llama.cpp'], 'response_format.type', 'response_format.json_schema.schema'),
  ...harmless(
    ['OpenAI', 'vLLM'],
    'the schema always holds, and the prompt says what it is for',
    'response_format.json_schema.name',
    'response_format.json_schema.description',
    'response_format.json_schema.strict',
  ),
];

/** Fields of conversations. */
export const conversationFields: readonly PeerField[] = [
  ...honoured(['OpenAI', 'vLLM', 'llama.cpp'], 'tools', 'tool_choice', 'parallel_tool_calls'),
  ...refused(['OpenAI'], 'answers are not checked by another model', ['moderation']),
  ...harmless(
    ['OpenAI', 'vLLM'],
    'nothing is stored',
    'store',
    'prompt_cache_key',
    'prompt_cache_retention',
    'prompt_cache_options',
    'safety_identifier',
  ),
];
