import t from 'tap';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { endlessModel } from '#test/support/endless-model.js';
import { eventually } from '#test/support/eventually.js';
import { focused, send, startPlayground, written } from '#test/support/playground.js';

interface Completion {
  readonly choices: [{ text: string; logprobs: { tokens: string[]; token_logprobs: number[] } }];
}

t.test('the completion view', { skip: skipWithoutBrowser() }, async t => {
  const { engine, model } = endlessModel();
  const { open, post } = await startPlayground(t, [model]);

  t.test('tokens have the colours of their probabilities, and add up to what the API says', async t => {
    const page = await open(t, '');
    const options = page.locator('#view-completion option');
    await options.first().waitFor({ state: 'attached' });
    t.equal(await page.title(), 'Completion · Kvasir');
    t.strictSame(
      await options.allTextContents(),
      ['kvasir-stories-3m', 'kvasir-phonemes-2m', 'endless'],
      'those that can',
    );
    await page.fill('#view-completion [name=max_tokens]', '40');
    await page.fill('#view-completion [name=seed]', '7');
    await page.press('#view-completion [name=prompt]', 'Control+Enter');
    await written(page);
    const { choices } = (await post('/v1/completions', {
      model: 'kvasir-stories-3m',
      prompt: await page.inputValue('#view-completion [name=prompt]'),
      temperature: 0.8,
      top_p: 0.95,
      max_tokens: 40,
      seed: 7,
      logprobs: 5,
    })) as Completion;
    const [{ text, logprobs }] = choices;
    t.equal(await page.textContent('#view-completion [data-output]'), text);
    t.match(await page.textContent('#view-completion [data-stats]'), /^40 tokens in/);

    const colours = await page.evaluate<string[]>(
      "[...document.querySelectorAll('#view-completion .token')].map(token => getComputedStyle(token).backgroundColor)",
    );
    t.equal(colours.length, logprobs.tokens.length);
    const lightness = logprobs.token_logprobs
      .map((logprob, i) => ({ logprob, lightness: Number(/oklch\(([\d.]+)/.exec(colours[i]!)![1]) }))
      .sort((a, b) => a.logprob - b.logprob)
      .map(token => token.lightness);
    t.strictSame(
      lightness,
      [...lightness].sort((a, b) => a - b),
      'the less probable, the darker',
    );
    t.ok(lightness.at(-1)! - lightness[0]! > 0.05);
  });

  t.test('alternatives for pointer and keyboard; one of them can be chosen', async t => {
    const page = await open(t, '');
    await page.fill('#view-completion [name=max_tokens]', '12');
    await page.fill('#view-completion [name=seed]', '7');
    await send(page, 'completion');
    await written(page);
    const tokens = page.locator('#view-completion .token');
    const panel = page.locator('#alternatives');

    await tokens.nth(3).hover();
    await panel.waitFor({ state: 'visible' });
    t.ok((await panel.locator('li').count()) >= 5);
    await page.mouse.move(0, 0);
    await panel.waitFor({ state: 'hidden' });

    await page.focus('#view-completion [data-curl]');
    await page.keyboard.press('Tab');
    t.ok(await focused(tokens.first()), 'all tokens are one stop');
    await panel.waitFor({ state: 'visible' });
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    t.ok(await focused(tokens.nth(2)));
    t.equal(await tokens.nth(2).getAttribute('aria-describedby'), 'alternatives');

    await page.keyboard.press('Enter');
    const chosen = await panel.locator('button:focus').getAttribute('data-name');
    await page.keyboard.press('Escape');
    t.ok(await focused(tokens.nth(2)), 'Escape leads back');
    const pieces = page.locator('#view-completion [data-output] > span');
    const before = await pieces.allTextContents();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.locator('#view-completion [data-stats]', { hasText: /^12 tokens/ }).waitFor();
    await written(page);
    const after = await pieces.allTextContents();
    t.strictSame(after.slice(0, 3), [...before.slice(0, 2), chosen], 'it takes the place of the other');
    t.equal(after.length, 15, 'and the text goes on from there');
  });

  t.test('Stop and Escape end the request', async t => {
    const page = await open(t, '');
    await page.selectOption('#view-completion select', 'endless');
    for (const stop of [
      () => page.click('#view-completion [data-stop]'),
      () => page.keyboard.press('Escape'),
    ]) {
      await send(page, 'completion');
      await page.locator('#view-completion .paper.busy').waitFor();
      await eventually(() => engine.running.size === 1);
      await stop();
      await eventually(() => engine.running.size === 0);
      await written(page);
      t.notOk(await page.isVisible('#view-completion [data-notice]'), 'this is no error');
      t.match(await page.textContent('#view-completion [data-stats]'), /stopped$/);
    }
    t.equal(engine.cancelled.length, 2);
  });

  t.test('what the server refuses is shown, with what to do about it', async t => {
    const page = await open(t, '', { expected: /status of 400/ });
    await page.fill('#view-completion [name=prompt]', 'word '.repeat(2000));
    await send(page, 'completion');
    const notice = page.locator('#view-completion [data-notice]');
    await notice.waitFor();
    t.match(await notice.textContent(), /refused this \(400\).*tokens.*Shorten the text/);
    await page.fill('#view-completion [name=prompt]', 'A fox');
    await send(page, 'completion');
    await notice.waitFor({ state: 'hidden' });
    await written(page);
  });
});
