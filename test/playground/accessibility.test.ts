import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { fakeTowersModel } from '#test/support/fake-vision-model.js';
import { send, startPlayground, written } from '#test/support/playground.js';
import { plainPng } from '#test/support/png.js';
import { fakeSpeechModel } from '#test/support/fake-speech.js';
import { wav } from '#test/support/wav.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds of WCAG 2.1 A and AA, and of its own advice. */
async function check(t: Test, page: Page, name: string): Promise<void> {
  await page.evaluate(AXE);
  const violations = await page.evaluate<string[]>(`
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then(results =>
      results.violations.flatMap(({ id, nodes }) => nodes.map(node => id + ': ' + node.html + ' ' + node.failureSummary)))`);
  t.strictSame(violations, [], name);
}

t.test('the page in light and dark, by axe', { skip: skipWithoutBrowser() }, async t => {
  const { open } = await startPlayground(t, [fakeSpeechModel('whisper'), fakeTowersModel()]);
  for (const dark of [false, true]) {
    t.test(dark ? 'dark' : 'light', async t => {
      const page = await open(t, 'completion', { dark });
      const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      t.equal(Number(/oklch\(([\d.]+)/.exec(ground)![1]) < 0.5, dark, `the ground is ${ground}`);
      await page.fill('#view-completion [name=max_tokens]', '60');
      await send(page, 'completion');
      await written(page);
      await page.locator('#view-completion .token').nth(5).focus();
      await check(t, page, 'completion');
      for (const view of ['embeddings', 'classification']) {
        await page.click(`nav a[href="#${view}"]`);
        await send(page, view);
        await page.locator('.heat-map, .results li').locator('visible=true').first().waitFor();
        await check(t, page, view);
      }
      await page.click('nav a[href="#transcription"]');
      const recording = { name: 'talk.wav', mimeType: 'audio/wav', buffer: wav(2) };
      await page.setInputFiles('#view-transcription [name=file]', recording);
      await send(page, 'transcription');
      await page.locator('#view-transcription [data-segments] li').nth(1).waitFor();
      await check(t, page, 'transcription');
      await page.click('nav a[href="#pictures"]');
      await page.selectOption('#view-pictures select', 'towers');
      const files = ['one.png', 'two.png'].map(name => ({
        name,
        mimeType: 'image/png',
        buffer: plainPng([9, 99, 199]),
      }));
      await page.setInputFiles('#view-pictures [data-drop] input', files);
      await page.locator('#view-pictures [data-pictures] li').nth(1).waitFor();
      await page.click('#view-pictures summary');
      await send(page, 'pictures');
      await page.locator('#view-pictures .heat-map').waitFor();
      await check(t, page, 'pictures');
      for (const [view, part] of [
        ['chat', '[data-unable]'],
        ['metrics', '.slots'],
      ]) {
        await page.click(`nav a[href="#${view}"]`);
        await page.locator(`#view-${view} ${part}`).first().waitFor();
        await check(t, page, view!);
      }
      await page.setViewportSize({ width: 360, height: 700 });
      for (const view of [
        'completion',
        'chat',
        'embeddings',
        'classification',
        'transcription',
        'pictures',
        'metrics',
      ]) {
        await page.click(`nav a[href="#${view}"]`);
        t.ok(
          await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
          `${view} fits a phone`,
        );
      }
    });
  }
});
