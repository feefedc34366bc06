import fc from 'fast-check';
import t from 'tap';
import { htmlParts } from '#api/translation/html-runs.js';
import { translateHtml } from '#api/translation/translate-html.js';
import { runs } from '#test/support/property-runs.js';

/** Translates by a function; also tells what was asked for. */
function translate(html: string, by: (text: string) => string): { html: string; asked: string[][] } {
  const steps = translateHtml(html);
  const asked: string[][] = [];
  let step = steps.next();
  while (!step.done) {
    asked.push([...step.value]);
    step = steps.next(step.value.map(by));
  }
  return { html: step.value, asked };
}

const loud = (text: string): string => text.toUpperCase();

const anyHtml = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  fc
    .array(
      fc.constantFrom(
        ...'<p>|</p>|<b>|</b>|<a href="x>y">|</a>|<i>|</i>|<br>|<img alt="a b">|text |&amp;|&nbsp;|&unknown;|&lt|<script>a<b|</script>|<pre>|</pre>|<!-- c -->|<b translate=no>|<div/>|<svg><a>|</svg>|<textarea>|<title>|</title>|<|>|</|<![CDATA[x]]>|<?x?>|<table>| \n ,|Ü|日本'.split(
          '|',
        ),
      ),
      { maxLength: 40 },
    )
    .map(parts => parts.join('')),
);

t.test('the parts of a page are the page', async () => {
  fc.assert(
    fc.property(anyHtml, html => {
      const written = htmlParts(html).map(part =>
        typeof part === 'string'
          ? part
          : part.nodes.map(({ before, source, after }) => before + source + after).join('') + part.end,
      );
      return written.join('') === html;
    }),
    runs(1000),
  );
});

t.test('only texts change', async () => {
  const markup = (html: string): string =>
    htmlParts(html)
      .flatMap(part => (typeof part === 'string' ? [part] : []))
      .join('|');
  fc.assert(
    fc.property(anyHtml, html => markup(translate(html, text => `${text}!`).html) === markup(html)),
    runs(300),
  );
});

t.test('what is translated', async t => {
  const cases: [html: string, translated: string][] = [
    ['<p title="a b">Tom &amp; Jerry&nbsp;run</p>', '<p title="a b">TOM &amp; JERRY&nbsp;RUN</p>'],
    ['a<br>b <img alt="c"> d', 'A<br>B <img alt="c"> D'],
    ['<script>if (a<b) c</script><style>p{}</style>x', '<script>if (a<b) c</script><style>p{}</style>X'],
    ['<p translate="no">a <b>b</b></p><p>c', '<p translate="no">a <b>b</b></p><p>C'],
    ['<pre>a\n b</pre><code>c</code> 12 &copy; ', '<pre>a\n b</pre><code>c</code> 12 &copy; '],
    ['<!-- a --><div\n class=b>c', '<!-- a --><div\n class=b>C'],
    ['a < b & c', 'A &lt; B &amp; C'],
    ['', ''],
  ];
  for (const [html, translated] of cases) t.equal(translate(html, loud).html, translated);
});

t.test('a paragraph is translated as one, with its inline elements where their texts are', async t => {
  const german: Record<string, string> = {
    'Hello big world': 'Hallo große weite Welt',
    big: 'große weite',
    'the white house': 'la casa bianca',
    white: 'bianca',
    house: 'casa',
    'a cat': 'eine Katze, eine',
    a: 'eine',
    ' cat': ' Katze',
  };
  const by = (text: string): string => german[text] ?? `?${text}?`;
  const hello = translate('<p>Hello\n  <b class="x">big</b> world</p>', by);
  t.equal(hello.html, '<p>Hallo <b class="x">große weite</b> Welt</p>');
  t.strictSame(hello.asked, [['Hello big world', 'big']]);
  t.equal(
    translate('the <i>white</i> <a href=x>house</a>', by).html,
    'la <a href=x>casa</a> <i>bianca</i>',
    'they change places with the words',
  );
  const twice = translate('<b>a</b> cat', by);
  t.equal(twice.html, '<b>eine</b> Katze', 'one by one where it is not clear which is meant');
  t.strictSame(twice.asked, [['a cat', 'a'], [' cat']]);
  t.equal(
    translate('in <b>i</b>t', text => ({ 'in it': 'drin', i: 'ri' })[text] ?? `(${text.trim()})`).html,
    '(in)<b>ri</b>(t)',
    'no part of a word is marked',
  );
  const nested = translate('x <a>y <b>z</b></a>', loud);
  t.strictSame(nested.asked, [['x ', 'y ', 'z']], 'elements within elements are translated one by one');
  t.equal(nested.html, 'X <a>Y <b>Z</b></a>');
  t.equal(translate('x <a name=y></a><b><i>z</i></b> ', loud).html, 'X <a name=y></a><b><i>Z</i></b> ');
});

t.test('the same text is asked for once', async t => {
  t.strictSame(translate('<li>a<li>a<li>b', loud).asked, [['a', 'b']]);
});

t.test('elements are not nested without end', async t => {
  t.equal(translate('<b>'.repeat(512) + 'a', loud).html, '<b>'.repeat(512) + 'A');
  t.equal(translate('<p>a<br>'.repeat(1000), loud).html, '<p>A<br>'.repeat(1000));
  t.throws(() => translate('<b>'.repeat(513), loud), { code: 'invalid_request', param: 'q' });
});
