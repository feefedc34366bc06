import { ExpressionParser } from './expression-parser.js';
import type { Body, Expression, Signature, Statement, Target } from './nodes.js';
import { TokenStream } from './token-stream.js';

/**
 * Parses a template with the statements that transformers has in chat templates: Jinja's own, `break`,
 * `continue` and `generation`.
 *
 * @throws TemplateSyntaxError
 */
export function parseTemplate(source: string): Body {
  return new Parser(new TokenStream(source)).template();
}

class Parser extends ExpressionParser {
  readonly #blocks = new Set<string>();
  /** Loops around the current place, within the innermost macro or block that has a function of its own. */
  #loops = 0;

  template(): Body {
    return this.#body([]);
  }

  /** Statements up to one of the tags, whose word is the current token then. */
  #body(ends: readonly string[]): Statement[] {
    const { stream } = this;
    const body: Statement[] = [];
    for (;;) {
      if (stream.is('data')) body.push({ kind: 'data', text: stream.expect('data').value });
      else if (stream.skip('variable_begin')) {
        body.push({ kind: 'output', value: this.tuple() });
        stream.expect('variable_end');
      } else if (stream.skip('block_begin')) {
        if (stream.isName(...ends)) return body;
        body.push(...this.#statement(ends));
        stream.expect('block_end');
      } else if (ends.length === 0) return body;
      else stream.fail(`unexpected end of template, expected ${ends.join(' or ')}`);
    }
  }

  /** The body of a statement, whose tag ends here, up to one of the tags that end it. */
  #inner(...ends: readonly string[]): Statement[] {
    this.stream.skip('operator', ':');
    this.stream.expect('block_end');
    return this.#body(ends);
  }

  /** As `#inner`, and goes past the word of the tag that ends it. */
  #innerTo(end: string): Statement[] {
    const body = this.#inner(end);
    this.stream.next();
    return body;
  }

  /** A body that becomes a function of its own, which a loop outside cannot be left from. */
  #function(end: string): Statement[] {
    const loops = this.#loops;
    this.#loops = 0;
    const body = this.#innerTo(end);
    this.#loops = loops;
    return body;
  }

  #statement(ends: readonly string[]): Statement[] {
    const { stream } = this;
    if (!stream.is('name')) stream.fail('tag name expected');
    const { value: tag } = stream.expect('name');
    switch (tag) {
      case 'if':
        return [this.#if()];
      case 'for':
        return [this.#for()];
      case 'set':
        return [this.#set()];
      case 'macro': {
        const { value: name } = stream.expect('name');
        return [{ kind: 'macro', name, signature: this.#signature(), body: this.#function('endmacro') }];
      }
      case 'call':
        return [this.#callBlock()];
      case 'filter': {
        const filter = this.filters(undefined, true)!;
        return [{ kind: 'filter-block', filter, body: this.#innerTo('endfilter') }];
      }
      case 'with':
        return [this.#with()];
      case 'generation':
        return [{ kind: 'generation', body: this.#function('endgeneration') }];
      case 'break':
      case 'continue':
        if (this.#loops === 0) stream.fail(`'${tag}' outside loop`);
        return [{ kind: tag }];
      case 'print':
        return this.#print();
      case 'block':
        return [this.#block()];
      case 'autoescape': {
        const value = this.expression();
        return [{ kind: 'autoescape', value, body: this.#innerTo('endautoescape') }];
      }
      case 'extends':
      case 'include':
      case 'import':
      case 'from':
        while (!stream.is('block_end') && !stream.is('eof')) stream.next();
        return [{ kind: 'load' }];
      default:
        return stream.fail(
          `Encountered unknown tag '${tag}'${ends.length > 0 ? `, expected ${ends.join(' or ')}` : ''}`,
        );
    }
  }

  #if(): Statement {
    const { stream } = this;
    const branches: { test: Expression; body: Body }[] = [];
    for (;;) {
      const test = this.tuple({ conditional: false });
      branches.push({ test, body: this.#inner('elif', 'else', 'endif') });
      const { value: word } = stream.expect('name');
      if (word === 'elif') continue;
      return { kind: 'if', branches, otherwise: word === 'else' ? this.#innerTo('endif') : [] };
    }
  }

  #for(): Statement {
    const { stream } = this;
    const target = this.target({ end: 'in' });
    stream.expect('name', 'in');
    const iterable = this.tuple({ conditional: false, end: 'recursive' });
    const test = stream.skip('name', 'if') ? this.expression() : undefined;
    const recursive = stream.skip('name', 'recursive');
    this.#loops++;
    const body = this.#inner('endfor', 'else');
    this.#loops--;
    const otherwise = stream.expect('name').value === 'else' ? this.#innerTo('endfor') : [];
    return { kind: 'for', target, iterable, test, recursive, body, otherwise };
  }

  #set(): Statement {
    const target = this.target({ members: true });
    if (this.stream.skip('operator', '=')) return { kind: 'set', target, value: this.tuple() };
    const filter = this.filters(undefined);
    return { kind: 'set-block', target, filter, body: this.#innerTo('endset') };
  }

  #signature(): Signature {
    const { stream } = this;
    const names: string[] = [];
    const defaults: Expression[] = [];
    stream.expect('operator', '(');
    while (!stream.isOperator(')')) {
      if (names.length > 0) stream.expect('operator', ',');
      names.push(stream.expect('name').value);
      if (stream.skip('operator', '=')) defaults.push(this.expression());
      else if (defaults.length > 0) stream.fail('non-default argument follows default argument');
    }
    stream.expect('operator', ')');
    return { names, defaults };
  }

  #callBlock(): Statement {
    const { stream } = this;
    const signature = stream.isOperator('(') ? this.#signature() : { names: [], defaults: [] };
    const call = this.expression();
    if (call.kind !== 'call') return stream.fail('expected call');
    return { kind: 'call-block', call, signature, body: this.#function('endcall') };
  }

  #with(): Statement {
    const { stream } = this;
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (!stream.is('block_end')) {
      if (targets.length > 0) stream.expect('operator', ',');
      targets.push({ kind: 'name', name: stream.expect('name').value });
      stream.expect('operator', '=');
      values.push(this.expression());
    }
    return { kind: 'with', targets, values, body: this.#innerTo('endwith') };
  }

  #print(): Statement[] {
    const { stream } = this;
    const outputs: Statement[] = [];
    while (!stream.is('block_end')) {
      if (outputs.length > 0) stream.expect('operator', ',');
      outputs.push({ kind: 'output', value: this.expression() });
    }
    return outputs;
  }

  #block(): Statement {
    const { stream } = this;
    const { value: name } = stream.expect('name');
    if (this.#blocks.has(name)) stream.fail(`block '${name}' defined twice`);
    this.#blocks.add(name);
    const scoped = stream.skip('name', 'scoped');
    stream.skip('name', 'required');
    const body = this.#function('endblock');
    stream.skip('name', name);
    return { kind: 'block', name, scoped, body };
  }
}
