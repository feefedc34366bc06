import type { Locator, Page } from 'playwright-core';
import type { Test } from 'tap';
import { Registry } from '#registry/registry.js';
import type { Model } from '#registry/types.js';
import type { ServerOptions } from '#server.js';
import { launchBrowser } from './browser.js';
import { startServer } from './http-server.js';
import { loadShippedModels } from './shipped-server.js';

export interface OpenOptions {
  readonly dark?: boolean;
  /** Errors in the page's console that belong to the test. */
  readonly expected?: RegExp;
}

/** A server and a browser to look at its page with. */
export interface Playground {
  readonly url: string;
  /** Opens a view. The test fails at its end if something went wrong in the page, or if it asked another server. */
  readonly open: (t: Test, view: string, options?: OpenOptions) => Promise<Page>;
  /** Asks the API, without the page. */
  readonly post: (path: string, body: object) => Promise<unknown>;
}

/** Serves the models that come with Kvasir, and others, to a headless Chromium. */
export async function startPlayground(
  t: Test,
  others: readonly Model[] = [],
  options: Partial<ServerOptions> = {},
): Promise<Playground> {
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const registry = new Registry([...(await loadShippedModels()), ...others]);
  const { url } = await startServer(t, { registry, ...options });
  return {
    url,
    open: async (t, view, { dark = false, expected } = {}) => {
      const page = await browser.newPage({ colorScheme: dark ? 'dark' : 'light' });
      page.setDefaultTimeout(30_000);
      const faults = watch(page, `${url}/`, expected);
      t.teardown(async () => {
        await page.close();
        if (faults.length > 0) throw new Error(`in the page: ${faults.join('; ')}`);
      });
      await page.goto(`${url}/#${view}`);
      return page;
    },
    post: async (path, body) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      return answer.json();
    },
  };
}

/** Presses a view's main button. */
export async function send(page: Page, view: string): Promise<void> {
  // The models must be there first.
  await page.locator(`#view-${view} option`).first().waitFor({ state: 'attached' });
  await page.click(`#view-${view} button[type=submit]`);
}

/** Waits until a text has been generated. */
export async function written(page: Page): Promise<void> {
  await page.locator('#view-completion .paper.written:not(.busy)').waitFor();
}

/** Whether the keyboard is on an element. */
export async function focused(element: Locator): Promise<boolean> {
  return (await element.and(element.page().locator(':focus')).count()) === 1;
}

function watch(page: Page, server: string, expected: RegExp | undefined): string[] {
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(String(error)));
  page.on('console', message => {
    if (message.type() === 'error' && !expected?.test(message.text())) faults.push(message.text());
  });
  page.on('request', request => {
    // What the page has itself is of the same origin.
    if (
      !request
        .url()
        .replace(/^blob:/, '')
        .startsWith(server)
    )
      faults.push(`asked ${request.url()}`);
  });
  return faults;
}
