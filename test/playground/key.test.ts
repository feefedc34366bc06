import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { send, startPlayground, written } from '#test/support/playground.js';

t.test('a server that wants a key is given one', { skip: skipWithoutBrowser() }, async t => {
  const { open } = await startPlayground(t, [], { apiKeys: new ApiKeys(['secret']) });
  const page = await open(t, '', { expected: /status of 401/ });
  const message = page.locator('#key [data-message]');
  await message.filter({ hasText: 'wants an API key' }).waitFor();
  await page.fill('#key input', 'wrong');
  await page.keyboard.press('Enter');
  await message.filter({ hasText: 'does not know this API key' }).waitFor();
  await page.fill('#key input', 'secret');
  await page.keyboard.press('Enter');
  await page.locator('#key').waitFor({ state: 'hidden' });
  await page.fill('#view-completion [name=max_tokens]', '4');
  await send(page, 'completion');
  await written(page);
  t.equal(await page.locator('#view-completion .token').count(), 4);
  t.notOk(await page.isVisible('[role=alert]'));
  t.equal(await page.evaluate('localStorage.length'), 0, 'it is not kept beyond the tab');
});
