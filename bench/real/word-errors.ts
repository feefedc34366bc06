/** Words of a text without case and punctuation. */
function spokenWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

/** How many words must be put in, left out or changed to make one text of another (Levenshtein 1966). */
export function wordErrors(wanted: string, heard: string): number {
  const [a, b] = [spokenWords(wanted), spokenWords(heard)];
  let distances = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, word] of a.entries()) {
    const next = [row + 1];
    for (const [column, other] of b.entries())
      next.push(
        Math.min(
          next[column]! + 1,
          distances[column + 1]! + 1,
          distances[column]! + (word === other ? 0 : 1),
        ),
      );
    distances = next;
  }
  return distances.at(-1)!;
}
