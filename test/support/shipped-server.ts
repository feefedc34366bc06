import { cp, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import { shippedModels } from '#cli/shipped-models.js';
import { loadModel } from '#registry/load.js';
import type { Model } from '#registry/types.js';
import { Environment } from '#runtime/index.js';

/** Says nothing but what was said, one message after the other. */
const TEMPLATE = '{% for m in messages %}{{ m.content }}\n{% endfor %}';

/** The models that come with Kvasir, by their folders' names. */
export async function loadShippedModels(slots = 8): Promise<Model[]> {
  const environment = new Environment({ logLevel: 'fatal' });
  return Promise.all(shippedModels().map(folder => load(environment, folder, basename(folder), slots)));
}

/** The generator among them, given a chat template: `storyteller`. */
export async function loadStoryteller(t: Test): Promise<Model> {
  const folder = t.testdir();
  await cp(
    shippedModels().find(name => basename(name) === 'kvasir-stories-3m')!,
    folder,
    {
      recursive: true,
    },
  );
  await writeFile(join(folder, 'chat_template.jinja'), TEMPLATE);
  return load(new Environment({ logLevel: 'fatal' }), folder, 'storyteller', 4);
}

async function load(environment: Environment, folder: string, id: string, slots: number): Promise<Model> {
  return loadModel(environment, folder, { id, slots, session: { intraOpThreads: 1 } });
}
