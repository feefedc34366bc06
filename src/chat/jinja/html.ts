import { str } from './print.js';
import type { Run } from './run.js';
import { Markup, type Value } from './values.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** A value as HTML: what is HTML already stays. */
export function escapeHtml(value: Value, run: Run): string {
  if (value instanceof Markup) return value.text;
  return run.text(escapeText(str(value, run)));
}

/** A text with its special characters as entities of HTML. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character]!);
}
