import t from 'tap';
import { skipWithoutBrowser } from '#test/support/browser.js';
import { FakeSpeech, fakeSpeechModel, segment } from '#test/support/fake-speech.js';
import { eventually } from '#test/support/eventually.js';
import { send, startPlayground } from '#test/support/playground.js';
import { wav } from '#test/support/wav.js';

const VIEW = '#view-transcription';
const file = { name: 'talk.wav', mimeType: 'audio/wav', buffer: wav(8) };

t.test('recordings', { skip: skipWithoutBrowser() }, async t => {
  const speech = new FakeSpeech();
  const english = new FakeSpeech({ languages: ['en'], translates: false });
  const timeless = new FakeSpeech({
    languages: [],
    translates: false,
    tellsTimes: false,
    tellsWords: false,
    readsPrompts: false,
  });
  const { open, url } = await startPlayground(t, [
    fakeSpeechModel('whisper', speech),
    fakeSpeechModel('english', english),
    fakeSpeechModel('timeless', timeless),
  ]);
  t.beforeEach(() => speech.reset());

  t.test('the text of a file, with times that play it', async t => {
    const page = await open(t, 'transcription');
    await page.setInputFiles(`${VIEW} [name=file]`, file);
    await page.locator(`${VIEW} [name=language] option`).nth(2).waitFor({ state: 'attached' });
    await page.selectOption(`${VIEW} [name=language]`, 'de');
    await page.fill(`${VIEW} [name=prompt]`, 'Kvasir');
    await send(page, 'transcription');
    await page.locator(`${VIEW} [data-stats]`, { hasText: 'In German. 8.0 s of sound' }).waitFor();
    const segments = page.locator(`${VIEW} [data-segments] li`);
    t.strictSame(await segments.locator('button').allTextContents(), ['0:00', '0:04']);
    t.strictSame(await segments.locator('p').allTextContents(), ['And so, my fellow', 'Americans.']);
    t.match(speech.requests, [{ task: 'transcribe', language: 'de', prompt: 'Kvasir' }]);

    await segments.nth(1).locator('button').click();
    const position = (): Promise<number> =>
      page.evaluate<number>("document.querySelector('[data-player]').currentTime");
    await eventually(async () => (await position()) >= 4);
    await page.locator(`${VIEW} li[aria-current]`, { hasText: 'Americans.' }).waitFor();
    t.equal(await page.locator(`${VIEW} li[aria-current]`).count(), 1);
  });

  t.test('segments are there as soon as they are certain, and Stop ends the rest', async t => {
    speech.script = async function* (_sound, _request, signal) {
      yield { type: 'language', language: 'en', probability: 1 };
      yield { type: 'segment', segment: segment(0, [61, 62], ' And') };
      await new Promise(resolve => signal!.addEventListener('abort', resolve));
    };
    const page = await open(t, 'transcription');
    await page.setInputFiles(`${VIEW} [name=file]`, file);
    await send(page, 'transcription');
    await page.locator(`${VIEW} [data-segments] li`, { hasText: '1:01' }).waitFor();
    t.equal(await page.textContent(`${VIEW} [data-stats]`), 'up to 1:02');
    await page.click(`${VIEW} [data-stop]`);
    await eventually(() => speech.running === 0);
    await page.locator(`${VIEW} button[type=submit]`).waitFor();
    t.equal(await page.locator(`${VIEW} [data-notice]`).isHidden(), true);
  });

  t.test('what the model cannot do cannot be chosen', async t => {
    const page = await open(t, 'transcription');
    await page.locator(`${VIEW} [name=model] option`).nth(1).waitFor({ state: 'attached' });
    await page.selectOption(`${VIEW} [name=task]`, 'translations');
    await page.selectOption(`${VIEW} [name=model]`, 'english');
    t.equal(await page.inputValue(`${VIEW} [name=task]`), 'transcriptions');
    t.strictSame(await page.locator(`${VIEW} [name=language] option`).allTextContents(), [
      'found out',
      'English',
    ]);
    await page.selectOption(`${VIEW} [name=model]`, 'whisper');
    await page.selectOption(`${VIEW} [name=task]`, 'translations');
    await page.setInputFiles(`${VIEW} [name=file]`, file);
    await send(page, 'transcription');
    await page.locator(`${VIEW} [data-stats]`, { hasText: 'In English.' }).waitFor();
    t.match(speech.requests, [{ task: 'translate' }]);
  });

  t.test('a model that tells neither times nor a language', async t => {
    timeless.script = async function* (sound) {
      let samples = 0;
      for await (const block of sound) samples += block.length;
      yield { type: 'segment', segment: segment(0, [0, 4], ' And so,') };
      yield { type: 'segment', segment: segment(1, [4, 8], ' my fellow') };
      yield { type: 'done', duration: samples / 16_000, tokens: 4 };
    };
    const page = await open(t, 'transcription');
    await page.locator(`${VIEW} [name=model] option`).nth(2).waitFor({ state: 'attached' });
    await page.selectOption(`${VIEW} [name=model]`, 'timeless');
    t.strictSame(await page.locator(`${VIEW} [name=language] option`).allTextContents(), ['its own']);
    await page.setInputFiles(`${VIEW} [name=file]`, file);
    await send(page, 'transcription');
    await page.locator(`${VIEW} [data-stats]`, { hasText: 'Written. 8.0 s of sound' }).waitFor();
    t.strictSame(await page.locator(`${VIEW} [data-segments] li`).allTextContents(), [
      'And so,',
      'my fellow',
    ]);
  });

  t.test('the microphone', async t => {
    const page = await open(t, 'transcription');
    await page.context().grantPermissions(['microphone']);
    const record = page.locator(`${VIEW} [data-record]`);
    await page.locator(`${VIEW} [name=model] option`).first().waitFor({ state: 'attached' });
    await record.click();
    await page.locator(`${VIEW} [data-record][aria-pressed=true]`, { hasText: 'End recording' }).waitFor();
    await page.waitForTimeout(1200);
    await record.click();
    await page.locator(`${VIEW} [data-stats]`, { hasText: 's of sound' }).waitFor();
    t.equal(await record.textContent(), 'Record');
    const [, seconds] = /([\d.]+) s of sound/.exec((await page.textContent(`${VIEW} [data-stats]`))!)!;
    t.ok(Number(seconds) > 0.5 && Number(seconds) < 10, `${seconds} s`);
  });

  t.test('a file that is none', async t => {
    const page = await open(t, 'transcription', { expected: /400/ });
    const buffer = Buffer.from('no sound'.repeat(20));
    await page.setInputFiles(`${VIEW} [name=file]`, { ...file, buffer });
    await send(page, 'transcription');
    await page.locator(`${VIEW} [data-notice]`, { hasText: 'The server refused this (400)' }).waitFor();
  });

  t.test('a request as a command', async t => {
    const page = await open(t, 'transcription');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.locator(`${VIEW} [name=model] option`).first().waitFor({ state: 'attached' });
    await page.setInputFiles(`${VIEW} [name=file]`, file);
    await page.fill(`${VIEW} [name=prompt]`, "Kvasir's");
    await page.click(`${VIEW} [data-curl]`);
    await page.locator(`${VIEW} [data-curl]`, { hasText: 'Copied' }).waitFor();
    const command = await page.evaluate<string>('navigator.clipboard.readText()');
    t.ok(command.startsWith(`curl -N '${url}/v1/audio/transcriptions' \\\n  -F 'file=@"talk.wav"'`), command);
    t.match(command, `--form-string 'prompt=Kvasir'\\''s'`);
  });
});
