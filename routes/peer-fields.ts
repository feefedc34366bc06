import type { PeerField } from './shared/peer-fields.js';
import { chatPeerFields } from './openai/chat-completions/peer-fields.js';
import { completionPeerFields } from './openai/completions/peer-fields.js';
import { responsePeerFields } from './openai/responses/peer-fields.js';

/** Addresses that take a body which peers have too, and what becomes of each of its fields. */
export const PEER_FIELDS: Readonly<Record<string, readonly PeerField[]>> = {
  '/v1/completions': completionPeerFields,
  '/v1/chat/completions': chatPeerFields,
  '/v1/responses': responsePeerFields,
};
