import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import t from 'tap';
import { PieceType, readModel } from '#text/sentencepiece/model-file.js';
import { SentencePieceProcessor } from '#text/sentencepiece/processor.js';
import { runs } from '#test/support/property-runs.js';
import { sentencePieceModel } from '#test/support/sentencepiece-fixtures.js';

interface PieceOptions {
  readonly score?: number;
  readonly type?: number;
}

type Write = (writer: BinaryWriter) => void;

/** A message of pieces, and of what else a test writes. */
function model(
  pieces: readonly (readonly [text: string, options?: PieceOptions])[],
  more: Write = () => {},
): Uint8Array {
  const writer = new BinaryWriter();
  for (const [text, { score = -1, type }] of pieces.map(([text, options = {}]) => [text, options] as const)) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(text).tag(2, WireType.Bit32).float(score);
    if (type !== undefined) writer.tag(3, WireType.Varint).int32(type);
    writer.join();
  }
  more(writer);
  return writer.finish();
}

/** A field that is a message. */
function message(field: number, write: Write): Write {
  return writer => {
    writer.tag(field, WireType.LengthDelimited).fork();
    write(writer);
    writer.join();
  };
}

const UNKNOWN = ['<unk>', { type: PieceType.UNKNOWN }] as const;

t.test('reads pieces, kinds and flags; what is not said is as the format has it', async t => {
  const plain = readModel(model([UNKNOWN, ['a', { score: -2.5 }], ['b', { type: PieceType.CONTROL }]]));
  t.strictSame(plain.pieces, ['<unk>', 'a', 'b']);
  t.strictSame([...plain.scores], [-1, -2.5, -1]);
  t.strictSame([...plain.types], [2, 1, 3]);
  t.equal(plain.unknownId, 0);
  t.equal(plain.kind, 'unigram');
  t.equal(plain.byteFallback, false);
  t.equal(plain.whitespaceAsSuffix, false);
  t.strictSame(plain.normalizer, {
    characterMap: undefined,
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  });
  const bytes = readModel(sentencePieceModel('bpe-bytes'));
  t.equal(bytes.kind, 'bpe');
  t.equal(bytes.byteFallback, true);
  t.equal(bytes.normalizer.removeExtraWhitespaces, false);
  t.equal(bytes.normalizer.characterMap, undefined);
  t.equal(readModel(sentencePieceModel('unigram-suffix')).whitespaceAsSuffix, true);
});

t.test('fields that are unknown, or of another wire type, are passed over', async t => {
  const extended = model([UNKNOWN, ['a']], writer => {
    writer.tag(200, WireType.LengthDelimited).string('something else');
    message(2, inner => inner.tag(3, WireType.LengthDelimited).string('no kind'))(writer);
  });
  t.strictSame(readModel(extended).pieces, ['<unk>', 'a']);
  t.equal(readModel(extended).kind, 'unigram');
});

t.test('what contradicts itself is refused', async t => {
  const byteFallback = message(2, writer => writer.tag(35, WireType.Varint).bool(true));
  const broken: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(), /no pieces/],
    ['no unknown piece', model([['a']]), /0 unknown pieces, expected one/],
    ['two', model([UNKNOWN, ['<u>', { type: PieceType.UNKNOWN }]]), /2 unknown pieces/],
    ['an empty piece', model([UNKNOWN, ['']]), /piece 1 is empty/],
    ['a piece twice', model([UNKNOWN, ['a'], ['a']]), /the piece "a" twice/],
    ['a type that is none', model([UNKNOWN, ['a', { type: 9 }]]), /the type 9 of its piece "a"/],
    ['a score that is none', model([UNKNOWN, ['a', { score: NaN }]]), /score of its piece "a"/],
    [
      'a byte that is none',
      model([UNKNOWN, ['<0xZZ>', { type: PieceType.BYTE }]], byteFallback),
      /"<0xZZ>" cannot stand for a byte/,
    ],
    [
      'bytes without fallback',
      model([UNKNOWN, ['<0x00>', { type: PieceType.BYTE }]]),
      /"<0x00>" cannot stand/,
    ],
    ['fallback without bytes', model([UNKNOWN, ['a']], byteFallback), /not all 256 bytes/],
    [
      'a kind that is none',
      model(
        [UNKNOWN],
        message(2, writer => writer.tag(3, WireType.Varint).int32(7)),
      ),
      /model_type 7/,
    ],
    [
      'a map that is none',
      model(
        [UNKNOWN],
        message(3, writer => writer.tag(2, WireType.LengthDelimited).bytes(new Uint8Array(2000))),
      ),
      /precompiled_charsmap is broken/,
    ],
    [
      'a denormalizer',
      model(
        [UNKNOWN],
        message(5, writer => writer.tag(2, WireType.LengthDelimited).bytes(new Uint8Array(8))),
      ),
      /denormalizer_spec is not supported/,
    ],
    ['another format', Buffer.from('{"version": "1.0", "truncation": null}'), /./],
  ];
  for (const [name, bytes, message] of broken) t.throws(() => readModel(bytes), message, name);
  t.doesNotThrow(
    () => readModel(model([UNKNOWN, ['<s>', { type: PieceType.CONTROL }], ['<s>']])),
    'spelled alike',
  );
});

t.test('long pieces and replacements are called by their name', async t => {
  const isCostly = (bytes: Uint8Array): boolean => new SentencePieceProcessor(readModel(bytes)).mayExplode;
  t.equal(isCostly(model([UNKNOWN, ['a'.repeat(256)]])), false);
  t.equal(isCostly(model([UNKNOWN, ['a'.repeat(257)]])), true);
  const map = (replacement: number): Uint8Array => {
    const bytes = new Uint8Array(4 + 1024 + replacement + 1).fill(0x61, 4 + 1024, -1);
    new DataView(bytes.buffer).setUint32(0, 1024, true);
    return model(
      [UNKNOWN],
      message(3, writer => writer.tag(2, WireType.LengthDelimited).bytes(bytes)),
    );
  };
  t.equal(isCostly(map(64)), false);
  t.equal(isCostly(map(65)), true);
});

t.test('damaged files are refused or read, and then still split texts', async () => {
  const names = ['unigram-user', 'bpe-bytes', 'char', 'word', 'unigram-unused'] as const;
  const files = new Map(names.map(name => [name, sentencePieceModel(name)]));
  const damage = fc.record({ place: fc.double({ min: 0, max: 0.999999, noNaN: true }), byte: fc.nat(255) });
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.array(damage, { maxLength: 8 }),
      fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: 1 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      (name, damages, end, text) => {
        const whole = files.get(name)!;
        const bytes = Uint8Array.from(whole.subarray(0, Math.ceil(end * whole.length)));
        for (const { place, byte } of damages) bytes[Math.floor(place * bytes.length)] = byte;
        let processor: SentencePieceProcessor;
        try {
          processor = new SentencePieceProcessor(readModel(bytes));
        } catch (error) {
          // A fault of ours would be a TypeError; so is what a decoder says of text that is none.
          return (
            error instanceof Error && (!(error instanceof TypeError) || /encoded data/.test(error.message))
          );
        }
        const written = processor.startText();
        const pieces = processor.encode(`the ﬁ ｶﾞ ${text} foo_bar`);
        for (const { id } of pieces) written.add(processor.model.pieces[id]!);
        return typeof written.finish() === 'string';
      },
    ),
    runs(1500),
  );
});
