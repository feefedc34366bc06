import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { PEER_FIELDS } from '#routes/peer-fields.js';
import { NOTHING, type PeerField } from '#routes/shared/peer-fields.js';

/** Where {@link fieldsPage} stands. */
export const FIELDS_PAGE = fileURLToPath(new URL('../../../docs/fields.md', import.meta.url));

const INTRODUCTION = `# Fields of requests

This page is made of the tables that the server refuses by (\`npm run docs:fields\`). It has every field that the
request types of OpenAI, vLLM, llama.cpp, text-embeddings-inference (TEI), Cohere, Jina, LibreTranslate, speaches and
whisper.cpp have for a route that is here too, with what becomes of it:

- **honoured**: it does what it does there.
- **refused**: a value that asks for something is answered with 400, and \`param\` names the field, since the answer
  would not be what was asked for. \`null\` passes, and so do \`false\` and an empty list, or else the values named.
- **harmless**: it changes nothing of an answer, and is taken and ignored.

Fields that nobody knows are ignored.
`;

/** The page of the documentation that says what becomes of each field, as Markdown. */
export async function fieldsPage(): Promise<string> {
  const sections = Object.entries(PEER_FIELDS).map(
    ([path, fields]) => `## \`${path}\`\n\n| field | of | here | |\n|---|---|---|---|\n${rows(fields)}\n`,
  );
  const config = await resolveConfig(FIELDS_PAGE);
  return format([INTRODUCTION, ...sections].join('\n'), { ...config, filepath: FIELDS_PAGE });
}

function rows(fields: readonly PeerField[]): string {
  return fields
    .map(field => `| \`${field.name}\` | ${field.peers.join(', ')} | ${field.verdict} | ${note(field)} |`)
    .join('\n');
}

function note({ why = '', neutral = [] }: PeerField): string {
  const values = neutral.map(value => `\`${JSON.stringify(value)}\``).join(', ');
  return isDeepStrictEqual(neutral, NOTHING) || values === '' ? why : `${why} (but for ${values})`;
}
