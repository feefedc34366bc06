import t from 'tap';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { send, startPlayground } from '#test/support/playground.js';

t.test('the views of encoders', { skip: skipWithoutBrowser() }, async t => {
  const { open, post, url } = await startPlayground(t);

  t.test('the heat map has the cosines of what the API says', async t => {
    const page = await open(t, 'embeddings');
    const input = ['A cat sits on a mat.', 'A kitten rests on the rug.', 'Stocks fell.'];
    await page.fill('#view-embeddings [name=texts]', input.join('\n\n'));
    await send(page, 'embeddings');
    const cells = page.locator('.heat-map [data-row]');
    await cells.first().waitFor();
    const { data } = (await post('/v1/embeddings', { model: 'kvasir-embed-4m', input })) as {
      data: { embedding: number[] }[];
    };
    const expected = data.flatMap(a =>
      data.map(b => a.embedding.reduce((sum, value, i) => sum + value * b.embedding[i]!, 0)),
    );
    const shown = (await cells.allTextContents()).map(text => Number(text.replace('−', '-')));
    t.equal(shown.length, 9);
    shown.forEach((value, i) => t.ok(Math.abs(value - expected[i]!) < 0.0051, `${value} for ${expected[i]}`));

    await cells.first().focus();
    for (const key of ['ArrowRight', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    t.equal(await page.textContent('[data-pair]'), input[1]! + (await cells.nth(5).textContent()) + input[2]);
  });

  t.test('labels have bars as long as their scores', async t => {
    const page = await open(t, 'classification');
    await page.fill('#view-classification [name=texts]', 'A wonderful, moving film.\nTwo hours of boredom.');
    await send(page, 'classification');
    const best = page.locator('.results .best');
    await best.first().waitFor();
    t.strictSame(await best.locator('dt').allTextContents(), ['POSITIVE', 'NEGATIVE']);
    const shares = await page.evaluate<number[]>(
      "[...document.querySelectorAll('.results .best')].map(row => Number(row.style.getPropertyValue('--share')))",
    );
    const shown = (await best.locator('dd').allTextContents()).map(parseFloat);
    t.strictSame(
      shares.map(share => Math.round(share * 100)),
      shown,
    );
  });

  t.test('a request as a command', async t => {
    const page = await open(t, 'classification');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.locator('#view-classification option').first().waitFor({ state: 'attached' });
    await page.click('#view-classification [data-curl]');
    await page.locator('#view-classification [data-curl]', { hasText: 'Copied' }).waitFor();
    const command = await page.evaluate<string>('navigator.clipboard.readText()');
    t.ok(command.startsWith(`curl '${url}/v1/classify'`), command);
    t.match(command, /"model": "kvasir-sentiment-3m"/);
  });
});
