import t from 'tap';
import type { Page } from 'playwright-core';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { fakeTowersModel, fakeVisionModel } from '#test/support/fake-vision-model.js';
import { focused, send, startPlayground } from '#test/support/playground.js';
import { dataUrl, plainPng } from '#test/support/png.js';

const VIEW = '#view-pictures';
const [RED, BLUE] = [plainPng([255, 0, 0], 40, 30), plainPng([0, 0, 255], 30, 40)] as const;

async function choose(
  page: Page,
  files: Readonly<Record<string, Buffer>>,
  mimeType = 'image/png',
): Promise<void> {
  const chosen = Object.entries(files).map(([name, buffer]) => ({ name, mimeType, buffer }));
  const before = await page.locator(`${VIEW} [data-pictures] li`).count();
  await page.setInputFiles(`${VIEW} [data-drop] input`, chosen);
  await page
    .locator(`${VIEW} [data-pictures] li`)
    .nth(before + chosen.length - 1)
    .waitFor();
}

const cellsOf = async (page: Page): Promise<number[]> =>
  (await page.locator(`${VIEW} .heat-map [data-row]`).allTextContents()).map(text =>
    Number(text.replace('−', '-')),
  );

t.test('the view of pictures', { skip: skipWithoutBrowser() }, async t => {
  const models = [
    fakeVisionModel('image-classification'),
    fakeVisionModel('image-embedding'),
    fakeTowersModel(),
  ];
  const { open, post } = await startPlayground(t, models, { pictures: { maxBytes: 100_000 } });

  t.test('classes as bars', async t => {
    const page = await open(t, 'pictures');
    await page.selectOption(`${VIEW} select`, 'image-classification');
    await choose(page, { 'red.png': RED, 'blue.png': BLUE });
    t.notOk(await page.isVisible(`${VIEW} [name=texts]`), 'it reads no texts');
    await send(page, 'pictures');
    const best = page.locator(`${VIEW} .results .best`);
    await best.first().waitFor();
    t.strictSame(await best.locator('dt').allTextContents(), ['red', 'blue']);
    const seen = page.locator(`${VIEW} .results img`);
    t.strictSame(
      [await seen.first().getAttribute('alt'), await seen.last().getAttribute('alt')],
      ['red.png', 'blue.png'],
    );
    t.equal(await page.locator(`${VIEW} .heat-map`).count(), 0);
  });

  t.test('texts against pictures as a heat map', async t => {
    const page = await open(t, 'pictures');
    await page.selectOption(`${VIEW} select`, 'towers');
    await choose(page, { 'red.png': RED, 'blue.png': BLUE });
    const texts = ['a', 'the token', 'b'];
    await page.fill(`${VIEW} [name=texts]`, texts.join('\n'));
    await send(page, 'pictures');
    await page.locator(`${VIEW} .heat-map`).waitFor();
    const body = { model: 'towers', text_1: texts.flatMap(text => [text, text]) };
    const images = [RED, BLUE].map(file => ({ image: dataUrl(file) }));
    const { data } = (await post('/v1/score', { ...body, text_2: texts.flatMap(() => images) })) as {
      data: { score: number }[];
    };
    const cells = await cellsOf(page);
    t.equal(cells.length, 6);
    cells.forEach((value, i) =>
      t.ok(Math.abs(value - data[i]!.score) < 0.0051, `${value} for ${data[i]!.score}`),
    );
    t.equal(await page.locator(`${VIEW} .results .bar`).count(), 6, 'each text is a label of each picture');

    await page.locator(`${VIEW} .heat-map [data-row]`).first().focus();
    for (const key of ['ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    t.ok(await page.isVisible(`${VIEW} [data-pair]`));
    t.equal(await page.textContent(`${VIEW} [data-pair] q`), 'the token');
    t.equal(await page.getAttribute(`${VIEW} [data-pair] img`, 'alt'), 'blue.png');
  });

  t.test('pictures against each other', async t => {
    const page = await open(t, 'pictures');
    await page.selectOption(`${VIEW} select`, 'image-embedding');
    await choose(page, { 'red.png': RED, 'blue.png': BLUE });
    await send(page, 'pictures');
    await page.locator(`${VIEW} .heat-map`).waitFor();
    t.strictSame(await cellsOf(page), [1, 0.06, 0.06, 1]);
  });

  t.test('what is chosen can be taken away, and what is drawn is a picture', async t => {
    const page = await open(t, 'pictures');
    await page.selectOption(`${VIEW} select`, 'image-classification');
    await send(page, 'pictures');
    await page.locator(`${VIEW} [data-notice]`, { hasText: 'Choose a picture' }).waitFor();
    await choose(page, { 'red.png': RED, 'blue.png': BLUE });
    const buttons = page.locator(`${VIEW} [data-pictures] button`);
    await buttons.first().click();
    t.equal(await buttons.count(), 1);
    t.ok(await focused(buttons.first()));
    await buttons.first().click();
    t.ok(await focused(page.locator(`${VIEW} [data-drop] input`)));

    await page.click(`${VIEW} summary`);
    const pad = page.locator(`${VIEW} canvas`);
    await pad.scrollIntoViewIfNeeded();
    const { x, y } = (await pad.boundingBox())!;
    await page.mouse.move(x + 20, y + 20);
    await page.mouse.down();
    await page.mouse.move(x + 120, y + 120, { steps: 4 });
    await page.mouse.up();
    await page.click(`${VIEW} [data-add]`);
    await page.locator(`${VIEW} [data-pictures] li`).waitFor();
    await send(page, 'pictures');
    await page.locator(`${VIEW} .results .best`).waitFor();
  });

  t.test('what the server refuses, and the request as a form for a shell', async t => {
    const page = await open(t, 'pictures', { expected: /400/ });
    await page.selectOption(`${VIEW} select`, 'towers');
    await choose(page, { 'it’s "a" text.txt': Buffer.from('no picture') }, 'text/plain');
    await send(page, 'pictures');
    await page.locator(`${VIEW} [data-notice]`, { hasText: 'input[0].image' }).waitFor();

    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.fill(`${VIEW} [name=texts]`, 'a\nb');
    await page.click(`${VIEW} [data-curl]`);
    await page.locator(`${VIEW} [data-curl]`, { hasText: 'Copied' }).waitFor();
    const command = await page.evaluate<string>('navigator.clipboard.readText()');
    t.match(command, "--form-string 'candidate_labels[]=a'");
    t.match(command, String.raw`-F 'image=@"it’s \"a\" text.txt"'`);
  });
});
