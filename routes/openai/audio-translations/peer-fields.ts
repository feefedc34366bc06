import { harmless, honoured, type PeerField } from '#routes/shared/peer-fields.js';
import { audioPeerFields } from '../audio/peer-fields.js';

/** What becomes of each field that peers have in a request for a translation. */
export const translationPeerFields: readonly PeerField[] = [
  ...audioPeerFields,
  ...honoured(['vLLM', 'whisper.cpp'], 'language'),
  ...honoured(['vLLM', 'speaches'], 'stream'),
  ...harmless(['whisper.cpp'], 'it is what the endpoint does', 'translate'),
];
