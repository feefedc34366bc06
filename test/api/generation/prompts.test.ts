import t from 'tap';
import { bannedSequences } from '#api/generation/banned-sequences.js';
import { promptCut } from '#api/generation/prompt-cut.js';
import { stopReasonOf } from '#api/generation/report.js';
import { TextService } from '#offload/text-service.js';
import type { GenerationModel } from '#registry/types.js';
import { byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';

const tokenizer = byteLevelTokenizer();
const texts = new TextService(tokenizer);
const model = { tokenizer, texts, contextLength: 64 } as unknown as GenerationModel;
const caller = { client: '', signal: new AbortController().signal };

t.test('how a prompt is cut', async t => {
  t.equal(promptCut({}, 10), undefined);
  t.equal(promptCut({ truncate_prompt_tokens: null, truncation_side: null }, 10), undefined);
  t.strictSame(promptCut({ truncate_prompt_tokens: 3 }, 10), { maxTokens: 3, cut: 'left' });
  t.strictSame(promptCut({ truncate_prompt_tokens: 3, truncation_side: 'right' }, 10), {
    maxTokens: 3,
    cut: 'right',
  });
  t.strictSame(promptCut({ truncate_prompt_tokens: -1 }, 10), { maxTokens: 10, cut: 'left' });
  t.equal(promptCut({ truncate_prompt_tokens: -1 }, -5)!.maxTokens, 1);
  t.throws(() => promptCut({ truncate_prompt_tokens: 0 }, 10), {
    code: 'invalid_request',
    param: 'truncate_prompt_tokens',
  });
  t.throws(() => promptCut({ truncation_side: 'left' }, 10), {
    code: 'invalid_request',
    param: 'truncation_side',
  });
});

t.test('a banned word is banned as it stands alone and behind a space', async t => {
  const ids = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  t.strictSame(await bannedSequences([], model, caller), []);
  t.strictSame(await bannedSequences(['the', ' the'], model, caller), [ids('the'), ids(' the')]);
  t.strictSame(await bannedSequences(['ab c'], model, caller), [ids('ab c'), ids(' ab c')]);
  t.strictSame(await bannedSequences(['\n'], model, caller), [ids('\n'), ids(' \n')]);
  await t.rejects(bannedSequences(['a', ''], model, caller), {
    code: 'invalid_request',
    param: 'bad_words[1]',
  });
});

t.test('the reason of an end: the stop string or token, but not one of the model', async t => {
  const reason = (stopReason?: string | number) =>
    stopReasonOf(
      {
        type: 'delta',
        text: '',
        tokens: [],
        finishReason: 'stop',
        ...(stopReason !== undefined && { stopReason }),
      },
      new Set([2]),
    );
  t.equal(reason('x'), 'x');
  t.equal(reason(7), 7);
  t.equal(reason(2), null);
  t.equal(reason(), null);
});
