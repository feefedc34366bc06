import t from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { capabilitiesOf, mediaOf } from '#http/capabilities.js';
import { fakeSpeechModel } from '#test/support/fake-speech.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { fakeTowersModel, fakeVisionModel } from '#test/support/fake-vision-model.js';
import { fakeTranslator } from '#test/support/fake-translator.js';
import { fakeModel } from '#test/support/http-server.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

t.test('generators chat with a template, and call tools if it knows of them', async t => {
  const model = fakeModel('letters');
  const chatting = (template: string) =>
    fakeModel('letters', undefined, { chat: createChatTemplate(template, {}, letterTokenizer) }).card;
  t.strictSame(capabilitiesOf(model.card), ['completions']);
  t.strictSame(capabilitiesOf(chatting('{{ messages }}')), ['completions', 'chat/completions']);
  t.strictSame(capabilitiesOf(chatting('{{ tools }}{{ messages }}')), [
    'completions',
    'chat/completions',
    'tools',
  ]);
});

t.test('encoder-decoders complete, and translate if they were made for it', async t => {
  t.strictSame(capabilitiesOf(fakeTranslator('plain').model.card), ['completions']);
  const translates = { sources: ['en'], targets: ['de'] };
  t.strictSame(capabilitiesOf(fakeTranslator('one', { translates }).model.card), [
    'completions',
    'translate',
  ]);
});

t.test('encoders do what their heads are for', async t => {
  t.strictSame(capabilitiesOf(fakeEncoderModel('embedding').card), ['embeddings', 'score', 'rerank']);
  const classifier = fakeEncoderModel('sequence-classification');
  t.strictSame(capabilitiesOf(classifier.card), ['classify']);
  t.strictSame(capabilitiesOf(fakeEncoderModel('sequence-classification', { width: 1 }).card), [
    'classify',
    'score',
    'rerank',
  ]);
  t.strictSame(capabilitiesOf(fakeEncoderModel('token-classification').card), ['token-classification']);
  t.strictSame(capabilitiesOf(fakeEncoderModel('fill-mask').card), ['fill-mask']);
  t.strictSame(capabilitiesOf(fakeEncoderModel('question-answering').card), ['question-answering']);
});

t.test('models of pictures do the same with pictures, and two towers with both', async t => {
  const classifier = fakeVisionModel('image-classification');
  t.strictSame(capabilitiesOf(classifier.card), ['classify']);
  t.strictSame(mediaOf(classifier.card), ['image']);
  const embedder = fakeVisionModel('image-embedding');
  t.strictSame(capabilitiesOf(embedder.card), ['embeddings', 'score', 'rerank']);
  t.strictSame(mediaOf(embedder.card), ['image']);
  const towers = fakeTowersModel();
  t.strictSame(capabilitiesOf(towers.card), ['embeddings', 'score', 'rerank', 'classify']);
  t.strictSame(mediaOf(towers.card), ['text', 'image']);
  t.strictSame(mediaOf(fakeEncoderModel('embedding').card), ['text']);
});

t.test('models that hear', async t => {
  const { card } = fakeSpeechModel('whisper');
  t.strictSame(mediaOf(card), ['audio']);
  t.strictSame(capabilitiesOf(card), ['audio/transcriptions', 'audio/translations']);
});
