import t from 'tap';
import { ModelConfig } from '#graph/config.js';
import { paddingId } from '#model/vision/padding-id.js';

const OWN = new ModelConfig('config.json', { pad_token_id: 1 });

t.test('what texts are padded with', async t => {
  t.equal(await paddingId(t.testdir({}), OWN), 1, "the tower's own, where no tokenizer says more");
  const listed = {
    pad_token: '<pad>',
    added_tokens_decoder: { 0: { content: '<pad>' }, 1: { content: '<eos>' } },
  };
  t.equal(await paddingId(t.testdir({ 'tokenizer_config.json': JSON.stringify(listed) }), OWN), 0);
  const apart = t.testdir({
    'tokenizer_config.json': JSON.stringify({ pad_token: { content: '[PAD]' } }),
    'tokenizer.json': JSON.stringify({
      added_tokens: [
        { id: 3, content: '<eos>' },
        { id: 7, content: '[PAD]' },
      ],
    }),
  });
  t.equal(await paddingId(apart, OWN), 7);
  const unknown = t.testdir({ 'tokenizer_config.json': JSON.stringify({ pad_token: '[NONE]' }) });
  t.equal(await paddingId(unknown, OWN), 1);
  await t.rejects(paddingId(t.testdir({}), new ModelConfig('config.json', {})), { code: 'invalid_model' });
});
