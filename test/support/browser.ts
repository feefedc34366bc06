import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Where Debian and others put Chromium; nothing is downloaded. `CHROMIUM` names another one. */
const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const executablePath = PLACES.find(place => place !== undefined && existsSync(place));

/**
 * For `t.test(name, { skip: skipWithoutBrowser() }, ...)`: false where there is a browser, else why the test is skipped. With
 * `KVASIR_TEST_BROWSER=required` it is not skipped, and fails.
 */
export function skipWithoutBrowser(): string | false {
  if (executablePath !== undefined || process.env.KVASIR_TEST_BROWSER === 'required') return false;
  return 'there is no Chromium: apt-get install chromium, or name one in CHROMIUM';
}

/** @throws Error where there is no Chromium. */
export async function launchBrowser(): Promise<Browser> {
  if (executablePath === undefined)
    throw new Error('there is no Chromium: apt-get install chromium, or name one in CHROMIUM');
  // A microphone that beeps, for pages that ask for one.
  const args = ['--use-fake-device-for-media-stream'];
  return chromium.launch({ executablePath, args });
}
