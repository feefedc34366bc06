import { Type, type Static } from 'typebox';
import type { PictureSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import { nullable } from '#http/schemas/nullable.js';
import type { TextSource } from '#text/inputs.js';
import { MAX_NAME } from './fields.js';
import type { RequestPictures } from './request-pictures.js';

/** Most parts of one input. */
const MAX_PARTS = 64;

const ADDRESS =
  'A `data:` URL, the bytes in base64 alone, or an address of http or https whose host the server is allowed to ask (`image_hosts`). In a form, `cid:` and the name of a part.';

/** The names that clients have for a text and for a picture. */
const partFields = {
  type: nullable(
    Type.String({
      maxLength: MAX_NAME,
      description: 'May say which of the fields counts: `text`, `image_url` and the like.',
    }),
  ),
  text: nullable(Type.String()),
  image: nullable(Type.String({ description: `A picture. ${ADDRESS}` })),
  image_url: nullable(
    Type.Union([Type.String(), Type.Object({ url: Type.String() })], {
      description: "OpenAI's name for `image`; alone, or in `url`.",
    }),
  ),
};

const Part = Type.Object(partFields);

const content = nullable(
  Type.Union([Type.String(), Type.Array(Part, { minItems: 1, maxItems: MAX_PARTS })], {
    description: "vLLM's form: parts, of which exactly one has a text or a picture.",
  }),
);

export const itemFields = { ...partFields, content };

/** A text or a picture, in one of the forms that clients know. */
export const InputItem = Type.Object(itemFields, {
  title: 'text or picture',
  description: 'One text or one picture, in exactly one of the fields.',
  examples: [{ image: 'data:image/png;base64,iVBORw0KGgo=' }],
});

export type InputItem = Static<typeof InputItem>;

/** Messages of a conversation that comes to one picture, as vLLM's clients send one. */
export const messagesField = nullable(
  Type.Array(Type.Object({ role: nullable(Type.String({ maxLength: MAX_NAME })), content }), {
    minItems: 1,
    maxItems: MAX_PARTS,
    description:
      "vLLM's form of a picture: messages that have exactly one between them, and no text. In place of `input`.",
  }),
);

const TYPES = {
  text: ['text', 'input_text'],
  image: ['image', 'image_url', 'input_image'],
} as const;

/**
 * @param place the field, such as `input[1]`.
 * @throws KvasirError `invalid_request` where it is not exactly one text or picture
 */
export function readItem(
  place: string,
  item: InputItem,
  pictures: RequestPictures,
): TextSource | PictureSource {
  const [found, ...others] = contents(place, item);
  if (found === undefined)
    throw invalidRequest(place, `${place} must have one of the fields text, image, image_url and content`);
  if (others[0] !== undefined)
    throw invalidRequest(
      others[0].param,
      `${place} has both ${found.param} and ${others[0].param}; one input is one text or one picture`,
    );
  const { param } = found;
  return 'address' in found ? pictures.source(param, found.address) : { param, text: found.text };
}

/**
 * The one picture that messages come to. Their texts would take a chat template, which no model here has that
 * reads pictures.
 *
 * @throws KvasirError `invalid_request`
 */
export function readMessages(
  messages: readonly Pick<InputItem, 'content'>[],
  pictures: RequestPictures,
): PictureSource {
  const found = messages.flatMap((message, index) => filled(contents(`messages[${index}]`, message)));
  const text = found.find(one => 'text' in one);
  if (text !== undefined)
    throw invalidRequest(
      text.param,
      `${text.param} is a text, which is sent as input: messages are for a picture`,
    );
  const [only, ...others] = found.filter(one => 'address' in one);
  if (only === undefined || others.length > 0)
    throw invalidRequest('messages', `messages must have one picture, they have ${found.length}`);
  return pictures.source(only.param, only.address);
}

/** What an item has in it. */
type Content =
  { readonly param: string; readonly text: string } | { readonly param: string; readonly address: string };

function contents(place: string, item: InputItem): Content[] {
  const { type, text, image, image_url: url, content: parts } = item;
  if (
    typeof type === 'string' &&
    !Object.values(TYPES).some(names => (names as readonly string[]).includes(type))
  )
    throw invalidRequest(
      `${place}.type`,
      `${place}.type must be one of ${Object.values(TYPES).flat().join(', ')}: models here read texts and pictures`,
    );
  const found: Content[] = [];
  if (typeof text === 'string') found.push({ param: `${place}.text`, text });
  if (typeof image === 'string') found.push({ param: `${place}.image`, address: image });
  if (typeof url === 'string') found.push({ param: `${place}.image_url`, address: url });
  else if (url) found.push({ param: `${place}.image_url.url`, address: url.url });
  if (typeof parts === 'string') found.push({ param: `${place}.content`, text: parts });
  else if (parts)
    found.push(...parts.flatMap((part, index) => filled(contents(`${place}.content[${index}]`, part))));
  return found;
}

/** Without the empty texts that clients send beside a picture. */
function filled(found: readonly Content[]): readonly Content[] {
  return found.filter(one => !('text' in one) || one.text !== '');
}
