import { honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';
import { audioPeerFields } from '../audio/peer-fields.js';

/** What becomes of each field that peers have in a request for a transcription. */
export const transcriptionPeerFields: readonly PeerField[] = [
  ...audioPeerFields,
  ...honoured(['OpenAI', 'vLLM', 'speaches', 'whisper.cpp'], 'language'),
  ...honoured(['OpenAI', 'vLLM', 'speaches'], 'timestamp_granularities', 'stream'),
  ...honoured(
    ['OpenAI'],
    'include',
    'chunking_strategy',
    'chunking_strategy.type',
    'chunking_strategy.threshold',
    'chunking_strategy.silence_duration_ms',
    'chunking_strategy.prefix_padding_ms',
  ),
  ...refused(['OpenAI'], 'speakers are not told apart', ['known_speaker_names', 'known_speaker_references']),
  ...refused(['OpenAI'], 'use language', ['languages']),
  ...refused(['OpenAI'], 'use prompt', ['keywords']),
  ...refused(['whisper.cpp'], 'use /v1/audio/translations', ['translate']),
];
