import fc from 'fast-check';
import t from 'tap';
import { PacketBits } from '#audio/codecs/vorbis/bits.js';
import { CodeTree } from '#audio/codecs/vorbis/codebook.js';
import { runs } from '#test/support/property-runs.js';

/** Reads all entries of a text of bits. */
function read(tree: CodeTree, bits: string): number[] {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  [...bits].forEach((bit, at) => (bytes[at >> 3]! |= Number(bit) << (at & 7)));
  const reader = new PacketBits(bytes);
  const entries: number[] = [];
  try {
    for (;;) entries.push(tree.read(reader));
  } catch {
    return entries;
  }
}

t.test('codewords are those of the specification', async t => {
  // Vorbis I, section 3.2.1.
  const tree = new CodeTree(Uint8Array.of(2, 4, 4, 4, 4, 2, 3, 3));
  const codewords = ['00', '0100', '0101', '0110', '0111', '10', '110', '111'];
  t.strictSame(read(tree, codewords.join('')).slice(0, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
});

t.test('a lone entry is read whatever the bit', async t => {
  t.strictSame(read(new CodeTree(Uint8Array.of(0, 1, 0)), '01100110'), [1, 1, 1, 1, 1, 1, 1, 1]);
});

t.test('more codewords than fit are refused', async t => {
  t.throws(() => new CodeTree(Uint8Array.of(1, 1, 1)), { name: 'AudioFailure', fault: 'broken' });
  t.throws(() => new CodeTree(Uint8Array.of(2, 1, 2, 3)), { name: 'AudioFailure', fault: 'broken' });
});

t.test('a codeword that nobody has is refused', async t => {
  const tree = new CodeTree(Uint8Array.of(2, 2));
  t.throws(() => tree.read(new PacketBits(Uint8Array.of(0xff, 0xff))), {
    name: 'AudioFailure',
    fault: 'broken',
  });
});

t.test('any lengths that fit give codewords of these lengths, none of which begins another', async () => {
  const property = fc.property(
    fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 2, maxLength: 40 }),
    lengths => {
      const used = lengths.filter(length => length > 0);
      const sum = used.reduce((sum, length) => sum + 2 ** -length, 0);
      fc.pre(used.length > 1);
      let tree: CodeTree;
      try {
        tree = new CodeTree(Uint8Array.from(lengths));
      } catch {
        // In an unlucky order some do not fit, though their sum does.
        return sum > 0.5;
      }
      const found = new Set<number>();
      walk(tree, '', lengths, found);
      return used.length === found.size && sum <= 1;
    },
  );
  fc.assert(property, runs(100));
});

/** Adds the entries whose codewords begin with these bits. */
function walk(tree: CodeTree, prefix: string, lengths: readonly number[], found: Set<number>): void {
  for (const bit of '01') {
    const bits = prefix + bit;
    // Two bytes of each kind behind it: where both give the same entry first, its codeword has been read.
    const [low] = read(tree, bits.padEnd(24, '0'));
    const [high] = read(tree, bits.padEnd(24, '1'));
    if (low !== undefined && low === high && lengths[low] === bits.length) found.add(low);
    else if (bits.length < 8 && (low !== undefined || high !== undefined)) walk(tree, bits, lengths, found);
  }
}

t.test('long codewords are read to their end', async t => {
  const lengths = Array.from({ length: 20 }, (_, i) => Math.min(i + 1, 19));
  const codewords = lengths.map((length, i) => '1'.repeat(i).padEnd(length, '0').slice(0, length));
  t.strictSame(
    read(new CodeTree(Uint8Array.from(lengths)), codewords.join('')).slice(0, 20),
    lengths.map((_, i) => i),
  );
});
