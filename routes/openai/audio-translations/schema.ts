import { Type, type Static } from 'typebox';
import { nullable } from '#http/schemas/nullable.js';
import { refTo } from '#http/schemas/shared.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { audioFields } from '../audio/fields.js';
import { audioSchema } from '../audio/schema.js';
import { translationPeerFields } from './peer-fields.js';

export const SpeechTranslationRequest = Type.Object(
  {
    ...audioFields,
    stream: nullable(
      Type.Boolean({ default: false, description: 'Send the text as it becomes certain, as events.' }),
    ),
  },
  {
    $id: 'SpeechTranslationRequest',
    description: fieldsDescription(translationPeerFields),
    examples: [{ file: 'talk.mp3', model: 'whisper-base' }],
  },
);

export const translationSchema = audioSchema({
  operationId: 'createTranslation',
  summary: 'Translate what is said into English',
  description: 'The English text of a recording in any language that the model knows.',
  body: refTo(SpeechTranslationRequest),
});

export type SpeechTranslationRequest = Static<typeof SpeechTranslationRequest>;
