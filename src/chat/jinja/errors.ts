/** A failure of a template, in the words of Python and Jinja where they have some. */
export class TemplateError extends Error {
  override readonly name: string = 'TemplateError';
}

/** A template that is no Jinja. */
export class TemplateSyntaxError extends TemplateError {
  override readonly name = 'TemplateSyntaxError';
}

/** A list or a dict where a key was needed. */
export class UnhashableError extends TemplateError {
  override readonly name = 'UnhashableError';
}

/** Thrown by a template that does more than it may. */
export class TemplateTooLarge extends Error {
  override readonly name = 'TemplateTooLarge';
}

/** @throws TemplateError with the message. */
export function fail(message: string): never {
  throw new TemplateError(message);
}
