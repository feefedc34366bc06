import { harmless, honoured, type PeerField } from '#routes/shared/peer-fields.js';

const apiKey = harmless(
  ['LibreTranslate'],
  "the server's own keys are sent as authorization: Bearer KEY",
  'api_key',
);

/** What becomes of each field that LibreTranslate has, by the address of the endpoint. */
export const libreTranslatePeerFields: Readonly<Record<string, readonly PeerField[]>> = {
  '/translate': [
    ...honoured(['LibreTranslate'], 'q', 'source', 'target', 'format', 'alternatives'),
    ...apiKey,
  ],
  '/detect': [...honoured(['LibreTranslate'], 'q'), ...apiKey],
};
