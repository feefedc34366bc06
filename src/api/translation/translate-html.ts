import { escapeHtml, htmlParts, type HtmlPart, type TextNode, type TextRun } from './html-runs.js';

const LETTER = /\p{L}/u;

/** Letters of scripts that put no space between words. */
const UNSPACED = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;

/** How the texts of a run are translated. */
interface Plan {
  readonly run: TextRun;
  /** All nodes as one text, and beside it the marked ones alone, to find them again; or each node alone. */
  readonly together: boolean;
}

/**
 * Translates the texts of a page and leaves everything else as it is. Texts of a paragraph are translated as one; where
 * an inline element's own translation does not stand in it exactly once, its texts are translated one by one.
 *
 * @returns yields texts to translate, all that can be done at once, and is to be given as many translations.
 */
export function* translateHtml(html: string): Generator<readonly string[], string, readonly string[]> {
  const parts = htmlParts(html);
  const plans = new Map(parts.flatMap(part => (typeof part === 'string' ? [] : [[part, planOf(part)]])));
  const known = new Map<string, string>();
  yield* translateInto(known, [...plans.values()].flatMap(textsOf));
  const written = new Map<HtmlPart, string>();
  const left: TextRun[] = [];
  for (const [run, { together }] of plans) {
    const text = together ? placed(run, known) : oneByOne(run, known);
    if (text === undefined) left.push(run);
    else written.set(run, text);
  }
  yield* translateInto(
    known,
    left.flatMap(run => textsOf({ run, together: false })),
  );
  for (const run of left) written.set(run, oneByOne(run, known));
  return parts.map(part => (typeof part === 'string' ? part : written.get(part)!)).join('');
}

/** Translates those that are not known yet. */
function* translateInto(
  known: Map<string, string>,
  texts: readonly string[],
): Generator<readonly string[], void, readonly string[]> {
  const unknown = [...new Set(texts)].filter(text => !known.has(text));
  if (unknown.length === 0) return;
  const translations = yield unknown;
  unknown.forEach((text, index) => known.set(text, translations[index]!));
}

function planOf(run: TextRun): Plan {
  const worded = run.nodes.filter(({ text }) => LETTER.test(text));
  return { run, together: worded.length > 1 && run.nodes.every(({ whole }) => whole) };
}

function textsOf({ run: { nodes }, together }: Plan): string[] {
  const alone = nodes.filter(node => LETTER.test(node.text) && !(together && !isMarked(node)));
  return [...(together ? [wholeText(nodes)] : []), ...alone.map(({ text }) => text)];
}

function wholeText(nodes: readonly TextNode[]): string {
  return nodes.map(({ text }) => text).join('');
}

function isMarked({ before, after }: TextNode): boolean {
  return before !== '' || after !== '';
}

/** Each text translated alone, in its place. */
function oneByOne({ nodes, end }: TextRun, known: ReadonlyMap<string, string>): string {
  return (
    nodes
      .map(({ before, source, text, after }) => {
        const translation = known.get(text);
        return before + (translation === undefined ? source : escapeHtml(translation)) + after;
      })
      .join('') + end
  );
}

/** All texts translated as one, with the marked ones where they are found in it; undefined where one is not. */
function placed({ nodes, end }: TextRun, known: ReadonlyMap<string, string>): string | undefined {
  const whole = known.get(wholeText(nodes))!;
  const marks = nodes.filter(isMarked).map(node => ({ node, ...placeOf(node, whole, known) }));
  marks.sort((a, b) => a.begin - b.begin);
  let position = 0;
  let html = '';
  for (const { node, text, begin } of marks) {
    if (begin < position) return undefined;
    html += escapeHtml(whole.slice(position, begin)) + node.before + escapeHtml(text) + node.after;
    position = begin + text.length;
  }
  return html + escapeHtml(whole.slice(position)) + end;
}

/** Where a text's own translation stands; -1: nowhere, or not once. */
function placeOf(
  { text: source }: TextNode,
  whole: string,
  known: ReadonlyMap<string, string>,
): { readonly text: string; readonly begin: number } {
  const text = (known.get(source) ?? source).trim();
  const begin = whole.indexOf(text);
  const end = begin + text.length;
  const isWord = !isWithinWord(whole[begin - 1], text[0]) && !isWithinWord(text[text.length - 1], whole[end]);
  return { text, begin: text !== '' && isWord && whole.lastIndexOf(text) === begin ? begin : -1 };
}

/** Whether two characters that stand side by side are of one word. */
function isWithinWord(a = '', b = ''): boolean {
  return [a, b].every(character => /[\p{L}\p{N}]/u.test(character) && !UNSPACED.test(character));
}
