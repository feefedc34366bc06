/**
 * The bytes of a 64-bit ELF shared library without code: one that names other libraries as its needs, as a linker writes them.
 *
 * @param text stands in it between NULs, as a constant of a program does.
 */
export function sharedLibrary(needed: readonly string[], text = ''): Buffer {
  const HEADERS = 64 + 2 * 56;
  const names = Buffer.from(`\0${needed.map(name => `${name}\0`).join('')}\0${text}\0`);
  const entries = [...needed.map(name => [1, names.indexOf(`\0${name}\0`) + 1] as const)];
  const dynamicBytes = (entries.length + 3) * 16;
  const namesOffset = HEADERS + dynamicBytes;
  const size = namesOffset + names.length;
  /** Where the file is seen in memory. */
  const BASE = 0x10000;

  const file = Buffer.alloc(size);
  file.writeUInt32LE(0x464c457f, 0);
  file.set([2, 1, 1], 4);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (at: number, type: number, offset: number, bytes: number): void => {
    file.writeUInt32LE(type, at);
    file.writeBigUInt64LE(BigInt(offset), at + 8);
    file.writeBigUInt64LE(BigInt(BASE + offset), at + 16);
    file.writeBigUInt64LE(BigInt(bytes), at + 32);
  };
  segment(64, 1, 0, size);
  segment(64 + 56, 2, HEADERS, dynamicBytes);
  [...entries, [5, BASE + namesOffset] as const, [10, names.length] as const].forEach(([tag, value], i) => {
    file.writeBigUInt64LE(BigInt(tag), HEADERS + i * 16);
    file.writeBigUInt64LE(BigInt(value), HEADERS + i * 16 + 8);
  });
  file.set(names, namesOffset);
  return file;
}
