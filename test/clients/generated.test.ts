import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createClient } from '@hey-api/openapi-ts';
import openapiTypescript, { astToString } from 'openapi-typescript';
import t from 'tap';
import ts from 'typescript';
import { createChatTemplate } from '#chat/template.js';
import { loadGeneration } from '#registry/load-generation.js';
import { loadModel } from '#registry/load.js';
import { generationModel } from '#registry/models.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { startServer } from '#test/support/http-server.js';
import { randomLlama } from '#test/support/random-llama.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SHIPPED = ['kvasir-stories-3m', 'kvasir-embed-4m', 'kvasir-sentiment-3m'];
const TEMPLATE = '{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}a';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };
const shipped = SHIPPED.map(id => ({
  id,
  load: () => loadModel(environment, path.join(ROOT, 'models', id), { slots: 2, session }),
}));
const writer = await loadGeneration(environment, await randomLlama(t), { id: 'writer', slots: 2, session });
const registry = new Registry([
  ...shipped,
  generationModel({ ...writer, chat: createChatTemplate(TEMPLATE, {}, writer.tokenizer) }),
]);
const { url } = await startServer(t, { registry });
/** Inside of the repository, whose packages the programs need. */
const folder = t.testdir({ 'package.json': '{ "type": "module" }' });
const document = path.join(ROOT, 'openapi.yaml');

const PROGRAMS = ['openapi-fetch', 'hey-api'];

/** Writes the clients, as their command lines do. */
async function generate(): Promise<void> {
  const types = await openapiTypescript(await readFile(document, 'utf8'), { defaultNonNullable: false });
  await writeFile(path.join(folder, 'schema.d.ts'), astToString(types));
  await createClient({
    input: document,
    output: { path: path.join(folder, 'sdk'), importFileExtension: '.js' },
    logs: { level: 'silent' },
    plugins: ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'],
  });
}

/** Compiles the programs with what was generated. @returns what is wrong with them. */
async function compile(): Promise<readonly string[]> {
  const files = PROGRAMS.map(name => path.join(folder, `${name}.ts`));
  for (const file of files)
    await copyFile(path.join(ROOT, 'test/clients/programs', path.basename(file)), file);
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    types: [],
  });
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(({ file, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, '\n');
    return `${file?.fileName ?? ''}: ${text}`;
  });
}

const EXPECTED = {
  models: [...SHIPPED, 'writer'],
  text: /\w/,
  finish: 'length',
  tokens: 8,
  chat: String,
  spoken: String,
  dimensions: 128,
  label: 'POSITIVE',
  logits: [1, 2],
  unknownModel: 'model_not_found',
  outOfRange: [400, 'temperature'],
};

t.test('clients that are generated from openapi.yaml compile, and talk to the server', async t => {
  await generate();
  t.strictSame(await compile(), []);
  for (const name of PROGRAMS) {
    const program = (await import(pathToFileURL(path.join(folder, `${name}.js`)).href)) as {
      run: (url: string) => Promise<{ text: string; streamed: string }>;
    };
    const result = await program.run(url);
    t.match(result, EXPECTED, name);
    t.equal(result.streamed, result.text);
  }
});
