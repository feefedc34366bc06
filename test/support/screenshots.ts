import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { Registry } from '#registry/registry.js';
import { createServer } from '#server.js';
import { launchBrowser } from './browser.js';
import { send, written } from './playground.js';
import { loadShippedModels } from './shipped-server.js';

/** Makes the pictures of the playground in docs/ anew: `npm run screenshots`. Needs Chromium and pngquant. */

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));

const app = await createServer({ registry: new Registry(await loadShippedModels(16)) });
const url = await app.listen({ port: 0, host: '127.0.0.1' });
const browser = await launchBrowser();

async function picture(
  view: string,
  colorScheme: 'light' | 'dark',
  height: number,
  prepare: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage({
    viewport: { width: 1120, height },
    deviceScaleFactor: 1.5,
    colorScheme,
  });
  await page.goto(`${url}/#${view}`);
  await prepare(page);
  const path = `${DOCS}playground-${view}.png`;
  await page.screenshot({ path });
  await page.close();
  execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', path, '64', path]);
}

await picture('completion', 'light', 800, async page => {
  await page.fill('#view-completion [name=max_tokens]', '130');
  await page.fill('#view-completion [name=seed]', '7');
  await send(page, 'completion');
  await written(page);
  // The live numbers follow.
  await page.waitForTimeout(3500);
  await page.locator('#view-completion .token').nth(24).hover();
  await page.locator('#alternatives').waitFor();
});

await picture('embeddings', 'dark', 790, async page => {
  await send(page, 'embeddings');
  await page.locator('.heat-map [data-row]').nth(15).hover();
});

await picture('metrics', 'dark', 720, async page => {
  await page.waitForTimeout(4000);
  // The load lasts for 15 seconds.
  await send(page, 'metrics');
  await page.waitForTimeout(9000);
  await page.waitForFunction(
    "(running => running > 7 && running < 16)(Number(document.querySelector('[data-tile=running] output').textContent))",
  );
});

await browser.close();
await app.close();
