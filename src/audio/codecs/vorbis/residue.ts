import { broken } from '../../failures.js';
import type { PacketBits } from './bits.js';
import type { Codebook } from './codebook.js';

/** How a packet's spectrum is written beside its envelope (Vorbis I, section 8). */
export interface Residue {
  /** 0: vectors' elements lie apart; 1: next to each other; 2: channels take turns. */
  readonly type: number;
  readonly begin: number;
  readonly end: number;
  readonly partitionSize: number;
  readonly classBook: Codebook;
  /** By class, and by pass: with what is added; undefined: nothing. */
  readonly books: readonly (readonly (Codebook | undefined)[])[];
}

const PASSES = 8;

/** @throws AudioFailure `broken`; EndOfPacket */
export function readResidue(bits: PacketBits, books: readonly Codebook[]): Residue {
  const type = bits.read(16);
  const begin = bits.read(24);
  const end = bits.read(24);
  const partitionSize = bits.read(24) + 1;
  const classes = bits.read(6) + 1;
  const classBook = books[bits.read(8)];
  if (type > 2 || end < begin || classBook === undefined) throw broken('has a damaged header');
  const passes = Array.from({ length: classes }, () => {
    const low = bits.read(3);
    return low + (bits.flag() ? bits.read(5) * 8 : 0);
  });
  const ofClasses = passes.map(used =>
    Array.from({ length: PASSES }, (_, pass) => {
      if (((used >> pass) & 1) === 0) return undefined;
      const book = books[bits.read(8)];
      if (book?.vectors === undefined || partitionSize % book.dimensions !== 0)
        throw broken('has a damaged header');
      return book;
    }),
  );
  return { type, begin, end, partitionSize, classBook, books: ofClasses };
}

/**
 * Adds what a packet says to spectra.
 *
 * @param spectra of channels, undefined for those that are silent; at least `size` elements each.
 * @throws EndOfPacket; what was read before it stands.
 */
export function addResidue(
  bits: PacketBits,
  residue: Residue,
  spectra: readonly (Float32Array | undefined)[],
  size: number,
): void {
  const heard = spectra.filter(spectrum => spectrum !== undefined);
  if (heard.length === 0) return;
  if (residue.type !== 2) {
    addPartitions(bits, residue, heard, size);
    return;
  }
  const count = spectra.length;
  const together = new Float32Array(count * size);
  try {
    addPartitions(bits, residue, [together], together.length);
  } finally {
    for (let i = 0, at = 0; i < size; i++)
      for (let channel = 0; channel < count; channel++, at++) {
        const spectrum = spectra[channel];
        if (spectrum !== undefined) spectrum[i]! += together[at]!;
      }
  }
}

function addPartitions(
  bits: PacketBits,
  { type, begin, end, partitionSize, classBook, books }: Residue,
  spectra: readonly Float32Array[],
  size: number,
): void {
  const from = Math.min(begin, size);
  const partitions = Math.floor((Math.min(end, size) - from) / partitionSize);
  const classes = spectra.map(() => new Uint8Array(partitions + classBook.dimensions));
  const perWord = classBook.dimensions;
  for (let pass = 0; pass < PASSES; pass++)
    for (let partition = 0; partition < partitions;) {
      if (pass === 0) for (const of of classes) readClasses(bits, classBook, books.length, of, partition);
      for (let i = 0; i < perWord && partition < partitions; i++, partition++)
        for (let channel = 0; channel < spectra.length; channel++) {
          const book = books[classes[channel]![partition]!]![pass];
          if (book === undefined) continue;
          const at = from + partition * partitionSize;
          if (type === 0) addApart(bits, book, spectra[channel]!, at, partitionSize);
          else addInOrder(bits, book, spectra[channel]!, at, partitionSize);
        }
    }
}

/** Classes of the next partitions, which one codeword tells: digits of a number, the highest first. */
function readClasses(bits: PacketBits, book: Codebook, base: number, classes: Uint8Array, at: number): void {
  let digits = book.tree.read(bits);
  for (let i = book.dimensions - 1; i >= 0; i--) {
    classes[at + i] = digits % base;
    digits = Math.floor(digits / base);
  }
}

function addInOrder(
  bits: PacketBits,
  book: Codebook,
  spectrum: Float32Array,
  begin: number,
  count: number,
): void {
  const { dimensions, tree } = book;
  const vectors = book.vectors!;
  for (let at = begin; at < begin + count; at += dimensions) {
    const vector = tree.read(bits) * dimensions;
    for (let i = 0; i < dimensions; i++) spectrum[at + i]! += vectors[vector + i]!;
  }
}

function addApart(
  bits: PacketBits,
  book: Codebook,
  spectrum: Float32Array,
  begin: number,
  count: number,
): void {
  const { dimensions, tree } = book;
  const vectors = book.vectors!;
  const stride = count / dimensions;
  for (let at = begin; at < begin + stride; at++) {
    const vector = tree.read(bits) * dimensions;
    for (let i = 0; i < dimensions; i++) spectrum[at + i * stride]! += vectors[vector + i]!;
  }
}
