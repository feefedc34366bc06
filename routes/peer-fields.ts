import type { PeerField } from '#routes/shared/peer-fields.js';
import { transcriptionPeerFields } from '#routes/openai/audio-transcriptions/peer-fields.js';
import { translationPeerFields } from '#routes/openai/audio-translations/peer-fields.js';
import { chatPeerFields } from '#routes/openai/chat-completions/peer-fields.js';
import { classifyPeerFields } from '#routes/openai/classify/peer-fields.js';
import { embeddingsPeerFields } from '#routes/openai/embeddings/peer-fields.js';
import { rerankPeerFields } from '#routes/openai/rerank/peer-fields.js';
import { scorePeerFields } from '#routes/openai/score/peer-fields.js';
import { libreTranslatePeerFields } from '#routes/libretranslate/peer-fields.js';
import { teiPeerFields } from '#routes/tei/peer-fields.js';
import { completionPeerFields } from '#routes/openai/completions/peer-fields.js';
import { responsePeerFields } from '#routes/openai/responses/peer-fields.js';

/** Addresses that take a body which peers have too, and what becomes of each of its fields. */
export const PEER_FIELDS: Readonly<Record<string, readonly PeerField[]>> = {
  '/v1/completions': completionPeerFields,
  '/v1/chat/completions': chatPeerFields,
  '/v1/responses': responsePeerFields,
  '/v1/audio/transcriptions': transcriptionPeerFields,
  '/v1/audio/translations': translationPeerFields,
  '/v1/embeddings': embeddingsPeerFields,
  '/v1/classify': classifyPeerFields,
  '/v1/score': scorePeerFields,
  '/v1/rerank': rerankPeerFields,
  ...teiPeerFields,
  ...libreTranslatePeerFields,
};
