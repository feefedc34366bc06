import { invalidRequest } from '#errors.js';
import { Parser } from 'htmlparser2';

/** Elements that stand within a sentence. All others begin and end one. */
const INLINE = namesOf(
  'a abbr acronym b bdi bdo big cite data del dfn em font i ins label mark q s small span strike strong sub sup tt u',
);

/** Elements whose content is no text to translate. */
const UNTRANSLATABLE = namesOf(
  'audio canvas code embed iframe kbd math noembed noframes noscript object pre samp script style svg template textarea var video xmp',
);

/** Elements without content. */
const VOID = namesOf('area base br col embed hr img input link meta source track wbr');

/** Most elements within one another; the time that a parser takes grows by the square of them. */
const MAX_DEPTH = 512;

/** A text of a page, and the tags of inline elements right before and behind it. */
export interface TextNode {
  readonly before: string;
  /** As it stands in the page. */
  readonly source: string;
  /** As it is read: entities are characters, and white space is one space. */
  readonly text: string;
  readonly after: string;
  /** Whether those tags are of elements that hold this text and nothing else. */
  readonly whole: boolean;
}

/** Texts that are read as one, such as those of a paragraph. */
export interface TextRun {
  /** At least one has something else than white space. */
  readonly nodes: readonly TextNode[];
  /** Tags behind them. */
  readonly end: string;
}

/** Texts, or markup that stays as it is. */
export type HtmlPart = TextRun | string;

/** The sources of all tokens of a page, one behind the other, are the page. */
interface Token {
  readonly type: 'text' | 'open' | 'close' | 'other';
  source: string;
  /** Of a tag. */
  readonly name: string;
  /** Of a text: as it is read. */
  text: string;
}

/**
 * Takes a page, or a part of one, apart. Markup, tags and sources of the parts, one behind the other, are the page,
 * character by character.
 *
 * @throws KvasirError `invalid_request` where elements are nested too deep.
 */
export function htmlParts(html: string): HtmlPart[] {
  const parts: HtmlPart[] = [];
  let run: Token[] = [];
  const endRun = (): void => {
    if (run.some(({ text }) => text.trim() !== '')) parts.push(runOf(run));
    else parts.push(...run.map(({ source }) => source));
    run = [];
  };
  for (const token of tokensOf(html)) {
    if (token.type === 'other') {
      endRun();
      parts.push(token.source);
    } else run.push(token);
  }
  endRun();
  return parts;
}

/** The texts of a page, one behind the other. @throws KvasirError as {@link htmlParts} */
export function readableText(html: string): string {
  return htmlParts(html)
    .flatMap(part => (typeof part === 'string' ? [] : part.nodes.map(({ text }) => text)))
    .join(' ');
}

/** A text as a page writes it. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\u00a0', '&nbsp;');
}

function tokensOf(html: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  /** Names of open elements whose content stays as it is: the outermost one, and those of its name within. */
  const kept: string[] = [];
  let depth = 0;
  const push = (type: Token['type'], end: number, { name = '', text = '' } = {}): void => {
    if (end > position) tokens.push({ type, source: html.slice(position, end), name, text });
    position = Math.max(position, end);
  };
  const pushTag = (type: 'open' | 'close', name: string, isKept: boolean): void => {
    push('other', parser.startIndex);
    push(!isKept && INLINE.has(name) ? type : 'other', parser.endIndex + 1, { name });
  };
  const parser = new Parser({
    onopentag(name, { translate }, isImplied) {
      if (++depth > MAX_DEPTH)
        throw invalidRequest('q', `q has more than ${MAX_DEPTH} elements within one another`);
      const keeps = kept.length > 0 ? name === kept[0] : UNTRANSLATABLE.has(name) || translate === 'no';
      if (keeps && !VOID.has(name)) kept.push(name);
      if (!isImplied) pushTag('open', name, keeps || kept.length > 0);
    },
    onclosetag(name, isImplied) {
      depth--;
      const isKept = kept.length > 0;
      if (name === kept.at(-1)) kept.pop();
      if (!isImplied) pushTag('close', name, isKept);
    },
    ontext(text) {
      if (kept.length > 0) return;
      push('other', parser.startIndex);
      const last = tokens.at(-1);
      if (last?.type === 'text') {
        last.source += html.slice(position, parser.endIndex + 1);
        last.text += text;
        position = parser.endIndex + 1;
      } else push('text', parser.endIndex + 1, { text });
    },
  });
  parser.end(html);
  push('other', html.length);
  return tokens;
}

/** Gives each text its tags: those that open stand before the next text, those that close behind the last one. */
function runOf(tokens: readonly Token[]): TextRun {
  const nodes: (TextNode & { readonly opened: string[] })[] = [];
  let before = '';
  let opened: string[] = [];
  let isWhole = true;
  for (const { type, source, name, text } of tokens) {
    const last = nodes.at(-1);
    if (type === 'text') {
      const read = text.replaceAll(/[ \t\r\n\f]+/g, ' ');
      nodes.push({ before, source, text: read, after: '', whole: isWhole && opened.length === 0, opened });
      [before, opened, isWhole] = ['', [], true];
    } else if (type === 'open') {
      before += source;
      opened.push(name);
    } else if (before === '' && last !== undefined) {
      const fits = last.opened.pop() === name;
      nodes[nodes.length - 1] = {
        ...last,
        after: last.after + source,
        whole: fits && last.opened.length === 0,
      };
    } else {
      before += source;
      isWhole &&= opened.pop() === name;
    }
  }
  return { nodes: nodes.map(({ opened: _, ...node }) => node), end: before };
}

function namesOf(names: string): ReadonlySet<string> {
  return new Set(names.split(' '));
}
