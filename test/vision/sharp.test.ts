import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';

/** A process in which the package cannot be found. */
const PROGRAM = `
import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(\`
  export async function resolve(name, context, next) {
    if (name === 'sharp') throw new Error("Cannot find package 'sharp'");
    return next(name, context);
  }\`));
const { PictureThreads } = await import(${JSON.stringify(new URL('../../src/vision/picture-threads.js', import.meta.url).href)});
await PictureThreads.open({ maxBytes: 1, maxPixels: 1 }).catch(({ code, message }) => console.log(code, message));
`;

t.test('without the optional package, the error says what to install', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM]);
  t.match(stdout, /^runtime_unavailable .*npm install sharp.*Cannot find package 'sharp'/);
});
