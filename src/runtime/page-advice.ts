import koffi from 'koffi';
import type { Pointer } from './api.js';

const PAGE = 4096n;
/** `MADV_DONTNEED` of madvise(2). */
const DONT_NEED = 4;

type Madvise = (address: bigint, bytes: number, advice: number) => number;

/** True if pages can be given back on this system. */
export const CAN_DISCARD_PAGES = process.platform === 'linux';

let madvise: Madvise | undefined;

/**
 * Gives the pages that lie wholly within a range back to the system; they read as zeros when they are touched
 * again. Does nothing where the system has no such call: memory then stays resident until it is freed.
 */
export function discardPages(address: Pointer, bytes: number): void {
  if (!CAN_DISCARD_PAGES) return;
  madvise ??= koffi
    .load(null)
    .func('int madvise(uintptr_t address, size_t bytes, int advice)') as unknown as Madvise;
  const begin = ((address + PAGE - 1n) / PAGE) * PAGE;
  const end = ((address + BigInt(bytes)) / PAGE) * PAGE;
  if (end > begin) madvise(begin, Number(end - begin), DONT_NEED);
}
