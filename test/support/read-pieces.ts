import type { OutputPart, OutputReader } from '#chat/output.js';

/** What a reader makes of an output. */
export interface ReadOutput {
  readonly text: string;
  readonly calls: { name: string; arguments: string }[];
}

/** Gives pieces of an output to a reader. */
export function readPieces(reader: OutputReader, pieces: readonly string[]): ReadOutput {
  const parts: OutputPart[] = [...pieces.flatMap(piece => reader.push(piece)), ...reader.end()];
  const calls: ReadOutput['calls'] = [];
  for (const part of parts) {
    if (part.type === 'call') calls[part.index] = { name: part.name, arguments: '' };
    if (part.type === 'arguments') calls[part.index]!.arguments += part.text;
  }
  return { text: parts.map(part => (part.type === 'text' ? part.text : '')).join(''), calls };
}
