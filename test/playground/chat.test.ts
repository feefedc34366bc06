import t from 'tap';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { startPlayground } from '#test/support/playground.js';
import { loadStoryteller } from '#test/support/shipped-server.js';

const skip = skipWithoutBrowser();

t.test('where no model can chat, the view says what would', { skip }, async t => {
  const { open } = await startPlayground(t);
  const page = await open(t, 'chat');
  const words = page.locator('#view-chat [data-unable]');
  await words.waitFor();
  t.match(await words.textContent(), /chat template.*kvasir serve/s);
  t.notOk(await page.isVisible('#view-chat form'));
});

t.test('a conversation', { skip }, async t => {
  const { open } = await startPlayground(t, [await loadStoryteller(t)]);
  const page = await open(t, 'chat');
  await page.locator('#view-chat option').first().waitFor({ state: 'attached' });
  t.equal(await page.inputValue('#view-chat select'), 'storyteller');
  await page.fill('#view-chat [name=max_tokens]', '20');
  for (const [round, text] of ['Once upon a time', 'And then'].entries()) {
    await page.fill('#view-chat [name=message]', text);
    await page.press('#view-chat [name=message]', 'Control+Enter');
    await page.locator('.message.model:not(.busy)').nth(round).waitFor();
  }
  t.strictSame(await page.locator('.message.user p').allTextContents(), ['Once upon a time', 'And then']);
  const tokens = page.locator('.message.model').last().locator('.token');
  t.ok((await tokens.count()) > 1);
  await tokens.first().hover();
  await page.locator('#alternatives').waitFor();
  await page.click('#view-chat [data-new]');
  t.equal(await page.locator('.message').count(), 0);
});
