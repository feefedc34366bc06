import fc from 'fast-check';
import t, { type Test } from 'tap';
import { DeviceMoves } from '#model/cache/device-moves.js';
import { HostMoves } from '#model/cache/host-moves.js';
import type { CacheBuffer, SlotMoves } from '#model/cache/slot-moves.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { Allocator, cpuMemoryInfo, type Session } from '#runtime/index.js';
import { loadBuilt } from '#test/support/run-graph.js';
import { runs } from '#test/support/property-runs.js';

const SLOTS = 4;
const POSITIONS = 6;
/** Heads, and bytes of a position in one. */
const PARTS = [
  [2, 8],
  [1, 16],
] as const;

async function anySession(t: Test): Promise<Session> {
  const graph = new GraphBuilder();
  graph.output(graph.input('x', DataType.FLOAT, [1]), DataType.FLOAT, [1]);
  return loadBuilt(t.testdir(), graph);
}

function allocate(allocator: Allocator): CacheBuffer[] {
  return PARTS.map(([heads, positionBytes]) => {
    const headBytes = POSITIONS * positionBytes;
    const slotBytes = heads * headBytes;
    const memory = allocator.allocate(SLOTS * slotBytes);
    memory.view().fill(7);
    return { memory, heads, positionBytes, headBytes, slotBytes };
  });
}

const moves = fc.array(
  fc.record({
    kind: fc.constantFrom('copy', 'swap'),
    a: fc.nat(SLOTS - 1),
    b: fc.nat(SLOTS - 1),
    length: fc.nat(POSITIONS),
  }),
  { maxLength: 12 },
);

for (const [name, open] of [
  ['the processor', (_: Session, __: Allocator, buffers: CacheBuffer[]) => new HostMoves(buffers)],
  [
    'a device',
    (session: Session, allocator: Allocator, buffers: CacheBuffer[]) =>
      new DeviceMoves(session, allocator, buffers, SLOTS),
  ],
] as const) {
  t.test(`${name} moves the filled positions of slots, and nothing of other slots`, async t => {
    using session = await anySession(t);
    using allocator = new Allocator(session, cpuMemoryInfo());
    const buffers = allocate(allocator);
    const slots: SlotMoves = open(session, allocator, buffers);

    fc.assert(
      fc.property(moves, list => {
        buffers.forEach(({ memory, slotBytes }, part) => {
          for (let i = 0; i < memory.bytes; i++)
            memory.view()[i] = (part * 97 + Math.floor(i / slotBytes) * 31 + i) % 251;
        });
        const expected = buffers.map(({ memory }) => memory.view().slice());
        for (const { kind, a, b, length } of list) {
          if (kind === 'copy') slots.copy(a, b, length);
          else slots.swap(a, b, length);
          buffers.forEach(({ memory, ...sizes }, part) => {
            move(expected[part]!, sizes, kind, a, b, length);
            for (let slot = 0; slot < SLOTS; slot++)
              for (let head = 0; head < sizes.heads; head++) {
                const begin = slot * sizes.slotBytes + head * sizes.headBytes;
                // What lies behind the filled positions of the slots that moved is nobody's.
                const filled = slot === a || slot === b ? length * sizes.positionBytes : sizes.headBytes;
                const range = [begin, begin + filled] as const;
                const [found, wanted] = [memory.view(), expected[part]!].map(bytes =>
                  bytes.subarray(...range),
                );
                if (Buffer.compare(found!, wanted!) !== 0)
                  throw new Error(
                    `part ${part}, slot ${slot}, head ${head} after ${kind} ${a} ${b} ${length}`,
                  );
                expected[part]!.set(memory.view().subarray(begin, begin + sizes.headBytes), begin);
              }
          });
        }
      }),
      runs(100),
    );
    slots.dispose();
    for (const { memory } of buffers) memory.dispose();
  });
}

t.test('a copy from a position on leaves alone what lies before', async t => {
  using session = await anySession(t);
  using allocator = new Allocator(session, cpuMemoryInfo());
  const buffers = allocate(allocator);
  const slots = new HostMoves(buffers);
  for (const { memory, slotBytes } of buffers) memory.view().fill(9, slotBytes, 2 * slotBytes);
  slots.copy(1, 2, 5, 3);
  for (const { memory, heads, slotBytes, headBytes, positionBytes } of buffers)
    for (let head = 0; head < heads; head++) {
      const begin = 2 * slotBytes + head * headBytes;
      const found = Array.from(
        { length: POSITIONS },
        (_, position) => memory.view()[begin + position * positionBytes],
      );
      t.strictSame(found, [7, 7, 7, 9, 9, 7]);
    }
  slots.dispose();
  for (const { memory } of buffers) memory.dispose();
});

t.test("a device's slots are empty at first", async t => {
  using session = await anySession(t);
  using allocator = new Allocator(session, cpuMemoryInfo());
  const buffers = allocate(allocator);
  new DeviceMoves(session, allocator, buffers, SLOTS).dispose();
  for (const { memory } of buffers) {
    t.ok(memory.view().every(byte => byte === 0));
    memory.dispose();
  }
});

/** The same on plain bytes. */
function move(
  bytes: Uint8Array,
  { heads, slotBytes, headBytes, positionBytes }: Omit<CacheBuffer, 'memory'>,
  kind: string,
  a: number,
  b: number,
  length: number,
): void {
  for (let head = 0; head < heads; head++) {
    const [from, to] = [a, b].map(slot => slot * slotBytes + head * headBytes) as [number, number];
    const size = length * positionBytes;
    const [first, second] = [bytes.slice(from, from + size), bytes.slice(to, to + size)];
    bytes.set(first, to);
    if (kind === 'swap') bytes.set(second, from);
  }
}
