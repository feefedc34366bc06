import type { PeerField } from './shared/peer-fields.js';
import { chatPeerFields } from './openai/chat-completions/peer-fields.js';
import { classifyPeerFields } from './openai/classify/peer-fields.js';
import { embeddingsPeerFields } from './openai/embeddings/peer-fields.js';
import { rerankPeerFields } from './openai/rerank/peer-fields.js';
import { scorePeerFields } from './openai/score/peer-fields.js';
import { teiPeerFields } from './tei/peer-fields.js';
import { completionPeerFields } from './openai/completions/peer-fields.js';
import { responsePeerFields } from './openai/responses/peer-fields.js';

/** Addresses that take a body which peers have too, and what becomes of each of its fields. */
export const PEER_FIELDS: Readonly<Record<string, readonly PeerField[]>> = {
  '/v1/completions': completionPeerFields,
  '/v1/chat/completions': chatPeerFields,
  '/v1/responses': responsePeerFields,
  '/v1/embeddings': embeddingsPeerFields,
  '/v1/classify': classifyPeerFields,
  '/v1/score': scorePeerFields,
  '/v1/rerank': rerankPeerFields,
  ...teiPeerFields,
};
