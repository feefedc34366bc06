/** The parts of a call that one more piece of its text completed. */
interface ScannedPiece {
  /** The function's name, once: as soon as it and the beginning of the arguments are there. */
  readonly name: string | undefined;
  /** More of the arguments, as JSON text. */
  readonly arguments: string;
  /** Number of the piece's characters that belong to the object. */
  readonly length: number;
}

/**
 * Reads one JSON object with a name and arguments while it comes, character by character: arguments are
 * passed on as they are, however they are nested. It follows brackets and strings and takes broken JSON as it
 * comes.
 */
export class CallScanner {
  /** True once the last bracket was read. */
  complete = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The key or string at the object's own level that is being read. */
  #string = '';
  #key: string | undefined;
  #afterColon = false;
  #name: string | undefined;
  #named = false;
  #inArguments = false;
  #hasArguments = false;
  #arguments = '';

  push(piece: string): ScannedPiece {
    let length = 0;
    for (const character of piece) {
      if (this.complete) break;
      length += character.length;
      this.#read(character);
    }
    if (this.#name === undefined || !this.#hasArguments) return { name: undefined, arguments: '', length };
    const name = this.#named ? undefined : this.#name;
    this.#named = true;
    const added = this.#arguments;
    this.#arguments = '';
    return { name, arguments: added, length };
  }

  #read(character: string): void {
    if (this.#inString) {
      this.#readString(character);
      return;
    }
    switch (character) {
      case '"':
        this.#inString = true;
        this.#string = '';
        return this.#pass(character);
      case '{':
      case '[':
        this.#depth++;
        if (this.#depth === 1) return;
        return this.#pass(character);
      case '}':
      case ']':
        this.#depth--;
        if (this.#depth > 0) return this.#pass(character);
        this.complete = true;
        this.#inArguments = false;
        return;
      case ':':
        if (this.#depth === 1) {
          this.#afterColon = true;
          this.#inArguments = this.#key === 'arguments' || this.#key === 'parameters';
          return;
        }
        return this.#pass(character);
      case ',':
        if (this.#depth === 1) {
          this.#afterColon = false;
          this.#inArguments = false;
          return;
        }
        return this.#pass(character);
      default:
        return this.#pass(character);
    }
  }

  #readString(character: string): void {
    this.#pass(character);
    if (this.#escaped) this.#escaped = false;
    else if (character === '\\') this.#escaped = true;
    else if (character === '"') {
      this.#inString = false;
      if (this.#depth === 1) this.#endString();
      return;
    }
    if (this.#depth === 1) this.#string += character;
  }

  #endString(): void {
    if (!this.#afterColon) this.#key = this.#string;
    else if (this.#key === 'name') this.#name = unescape(this.#string);
  }

  #pass(character: string): void {
    if (!this.#inArguments) return;
    // White space before the value and after it is not part of it.
    if (!this.#inString && this.#depth === 1 && /\s/.test(character)) return;
    this.#hasArguments = true;
    this.#arguments += character;
  }
}

function unescape(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
