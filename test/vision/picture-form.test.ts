import t from 'tap';
import { pictureFile, pictureFixture } from '#test/support/picture-fixtures.js';
import { pictureForm } from '#vision/picture-form.js';

const FORMS: Record<string, string> = { jpg: 'jpeg', tif: 'tiff' };

t.test('files are known by what they begin with', t => {
  for (const name of Object.keys(pictureFixture<object>('files.json'))) {
    const end = name.split('.').at(-1)!;
    t.equal(pictureForm(pictureFile(name)), FORMS[end] ?? end, name);
  }
  t.end();
});

t.test('nothing else is let in', t => {
  const texts = [
    '',
    'x',
    '<svg xmlns="http://www.w3.org/2000/svg"/>',
    '<?xml version="1.0"?><svg/>',
    '%PDF-1.7',
    'P6 1 1 255 abc',
    'BM\x46\0\0\0\0\0\0\0',
    'RIFF\x24\0\0\0WAVEfmt ',
    '\0\0\0\x18ftypmp42\0\0\0\0mp42avi',
    '\0\0\0\x18ftypheic\0\0\0\0mif1heic',
    // The version of a brand is no brand.
    '\0\0\0\x14ftypheicavifmif1',
    'GIF88a',
    '\x89PNG\n\x1a\n',
  ];
  for (const text of texts)
    t.equal(pictureForm(Buffer.from(text, 'latin1')), undefined, JSON.stringify(text));
  t.end();
});
