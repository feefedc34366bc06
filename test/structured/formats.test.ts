import t from 'tap';
import { compileStructure } from '#structured/index.js';
import { FORMATS } from '#structured/formats.js';
import { seededRandom } from '#test/support/seeded-random.js';
import { refusedPart, tokenizerOfPieces } from '#test/support/token-walk.js';

/** Words that JSON Schema's drafts, OpenAPI's registry, zod and pydantic have for formats. */
const WORDS = `
  date-time date time duration email idn-email hostname idn-hostname ipv4 ipv6 uri uri-reference iri iri-reference uuid
  uri-template json-pointer relative-json-pointer regex utc-millisec color style phone ip-address host-name
  int8 int16 int32 int64 uint8 uint16 uint32 uint64 float double double-int decimal decimal128 byte binary char password
  base64 base64url html commonmark http-date media-range sf-binary sf-boolean sf-decimal sf-integer sf-string sf-token
  url guid cuid cuid2 ulid xid ksuid nanoid emoji jwt cidrv4 cidrv6 e164 mac lowercase uppercase json-string starts_with
  path file-path directory-path json uuid1 uuid3 uuid4 uuid5 uuid6 uuid7 name-email ipvanyaddress ipvanynetwork
  ipvanyinterface ipv4network ipv6network ipv4interface multi-host-uri postgres-dsn time-delta iso8601 x-our-own
`
  .trim()
  .split(/\s+/);

t.test('every word is taken as a format; those that say nothing about texts leave any', async t => {
  const random = seededRandom(1);
  const text = '"any text"';
  for (const format of WORDS) {
    const tokenizer = tokenizerOfPieces(text, random);
    for (const type of ['string', ['string', 'null'], undefined]) {
      const schema = { ...(type !== undefined && { type }), format };
      const constraint = compileStructure({ kind: 'schema', schema }, tokenizer)();
      const part = refusedPart(constraint, tokenizer, text, random);
      t.equal(part === undefined, !FORMATS.has(format), format);
    }
    for (const type of ['integer', 'number'])
      t.ok(compileStructure({ kind: 'schema', schema: { type, format } }, tokenizer), `${format} of ${type}`);
  }
});
