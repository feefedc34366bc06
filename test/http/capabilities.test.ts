import t from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { capabilitiesOf } from '#http/capabilities.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { fakeModel } from '#test/support/http-server.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

t.test('generators chat with a template, and call tools if it knows of them', async t => {
  const model = fakeModel('letters');
  const chatting = (template: string) => ({
    ...model,
    chat: createChatTemplate(template, {}, letterTokenizer),
  });
  t.strictSame(capabilitiesOf(model), ['completions']);
  t.strictSame(capabilitiesOf(chatting('{{ messages }}')), ['completions', 'chat/completions']);
  t.strictSame(capabilitiesOf(chatting('{{ tools }}{{ messages }}')), [
    'completions',
    'chat/completions',
    'tools',
  ]);
});

t.test('encoders do what their heads are for', async t => {
  t.strictSame(capabilitiesOf(fakeEncoderModel('embedding')), ['embeddings', 'score', 'rerank']);
  const classifier = fakeEncoderModel('sequence-classification');
  t.strictSame(capabilitiesOf(classifier), ['classify']);
  t.strictSame(capabilitiesOf({ ...classifier, width: 1 }), ['classify', 'score', 'rerank']);
  t.strictSame(capabilitiesOf(fakeEncoderModel('token-classification')), ['token-classification']);
  t.strictSame(capabilitiesOf(fakeEncoderModel('fill-mask')), ['fill-mask']);
  t.strictSame(capabilitiesOf(fakeEncoderModel('question-answering')), ['question-answering']);
});
