import fc from 'fast-check';
import t from 'tap';
import { runs } from '#test/support/property-runs.js';
import { readBase64, readDataUrl } from '#vision/data-url.js';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 }).map(array => Buffer.from(array));

t.test('what was put into base64 comes out of it', t => {
  fc.assert(
    fc.property(
      bytes,
      fc.constantFrom('', 'image/png', 'IMAGE/JPEG', 'application/octet-stream'),
      (file, type) => readDataUrl(`data:${type};base64,${file.toString('base64')}`, 'image', 80).equals(file),
    ),
    runs(300),
  );
  t.end();
});

t.test('one character that does not belong there, and it is refused', t => {
  const wrong = fc.constantFrom('-', '_', ' ', '\n', '=', '%', 'é', '\0');
  fc.assert(
    fc.property(bytes, fc.nat(), wrong, (file, place, character) => {
      const text = file.toString('base64');
      const at = place % (text.length + 1);
      t.throws(() => readBase64(text.slice(0, at) + character + text.slice(at), 'image', 100), {
        code: 'invalid_request',
      });
    }),
    runs(300),
  );
  for (const text of ['', 'A', 'AA', 'AAA', 'AB==', 'AAB=', 'AAAA=', '===='])
    t.throws(() => readBase64(text, 'image', 100), { code: 'invalid_request', param: 'image' }, text);
  t.end();
});

t.test('too many bytes are refused, and just enough are not', t => {
  fc.assert(
    fc.property(bytes, file => {
      const text = file.toString('base64');
      readBase64(text, 'image', file.length);
      t.throws(() => readBase64(text, 'image', Math.floor(file.length / 2) - 1), /more than/);
    }),
    runs(100),
  );
  t.end();
});

t.test('other forms of data: are refused', t => {
  for (const address of [
    'data:image/png,AAAA',
    'data:image/png;base64',
    'data:text/html;base64,AAAA',
    'data:image/png;base64;charset=x,AAAA',
    `data:image/png${';a=b'.repeat(100)};base64,AAAA`,
  ])
    t.throws(() => readDataUrl(address, 'input.0.image', 100), {
      code: 'invalid_request',
      param: 'input.0.image',
    });
  t.end();
});
