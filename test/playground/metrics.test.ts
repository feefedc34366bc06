import t from 'tap';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { endlessModel } from '#test/support/endless-model.js';
import { eventually } from '#test/support/eventually.js';
import { send, startPlayground } from '#test/support/playground.js';

t.test('the metrics view', { skip: skipWithoutBrowser() }, async t => {
  const { engine, model } = endlessModel();
  const { open } = await startPlayground(t, [model]);

  t.test('numbers, and a picture of the slots', async t => {
    const page = await open(t, 'metrics');
    const slots = (name: string) => page.locator('.slots', { hasText: name }).locator('.slot');
    await slots('kvasir-stories-3m').first().waitFor();
    t.equal(await slots('kvasir-stories-3m').count(), 8);
    await page.selectOption('#view-metrics select', 'endless');
    await send(page, 'metrics');
    await eventually(() => engine.running.size === 20);
    const running = (count: number) =>
      page.locator('[data-tile=running] output', { hasText: new RegExp(`^${count}$`) }).waitFor();
    await running(20);
    t.match(await page.textContent('#strip'), /20 running/);
    t.equal(await slots('endless').and(page.locator('[data-state=running]')).count(), 4);
    await page.keyboard.press('Escape');
    await eventually(() => engine.running.size === 0);
    await running(0);
  });

  t.test('nothing is asked while the page cannot be seen', async t => {
    const page = await open(t, 'metrics');
    let asked = 0;
    page.on('request', () => asked++);
    await eventually(() => asked > 4);
    const hide = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'));`,
      );
    await hide(true);
    // What was under way ends.
    await page.waitForTimeout(300);
    const before = asked;
    await page.waitForTimeout(1500);
    t.equal(asked, before);
    await hide(false);
    await eventually(() => asked > before);
  });
});
