/** Years divisible by 4, less the centuries that are not divisible by 400. */
const LEAP_YEAR = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const DATE = `(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP_YEAR}-02-29)`;
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?';
const HOST = `${LABEL}(?:\\.${LABEL}){0,5}`;
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const GROUP = '[0-9a-fA-F]{1,4}';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
/**
 * RFC 4291, section 2.2: eight groups, the last two also as IPv4, and "::" for one or more groups of zeros.
 */
const IPV6 = ((): string => {
  const compressed = Array.from({ length: 8 }, (_, left) => {
    const before = left === 0 ? '' : `${GROUP}(?::${GROUP}){${left - 1}}`;
    const groups = left > 6 ? '' : `(?:${GROUP}(?::${GROUP}){0,${6 - left}})?`;
    return `${before}::(?:${groups}${left > 5 ? '' : `|(?:${GROUP}:){0,${5 - left}}${IPV4}`})`;
  });
  return `(?:${GROUP}(?::${GROUP}){7}|${GROUP}(?::${GROUP}){5}:${IPV4}|${compressed.join('|')})`;
})();
const PATH_CHARACTER = "(?:[\\w.~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})";
const PATH = `(?:/${PATH_CHARACTER}*)*(?:\\?(?:${PATH_CHARACTER}|[/?])*)?(?:#(?:${PATH_CHARACTER}|[/?])*)?`;

/**
 * Formats of strings as regular expressions that the whole text matches. All that they match is valid for the
 * format, but not the other way round: `email`, `uri` and the like keep to the usual shapes. Other
 * formats say nothing about what is valid: JSON Schema has the keyword as an annotation.
 */
export const FORMATS: ReadonlyMap<string, string> = new Map([
  ['date', DATE],
  ['time', TIME],
  ['date-time', `${DATE}T${TIME}`],
  [
    'duration',
    'P(?:\\d{1,6}W|(?:\\d{1,6}Y(?:\\d{1,6}M(?:\\d{1,6}D)?)?|\\d{1,6}M(?:\\d{1,6}D)?|\\d{1,6}D)(?:T(?:\\d{1,6}H(?:\\d{1,6}M(?:\\d{1,6}S)?)?|\\d{1,6}M(?:\\d{1,6}S)?|\\d{1,6}S))?|T(?:\\d{1,6}H(?:\\d{1,6}M(?:\\d{1,6}S)?)?|\\d{1,6}M(?:\\d{1,6}S)?|\\d{1,6}S))',
  ],
  ['uuid', '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'],
  ['email', `[a-zA-Z0-9_+-]+(?:\\.[a-zA-Z0-9_+-]+)*@${LABEL}(?:\\.${LABEL}){1,5}`],
  ['hostname', HOST],
  ['ipv4', IPV4],
  ['ipv6', IPV6],
  ['uri', `[a-zA-Z][a-zA-Z0-9+.-]{1,15}://${HOST}(?::\\d{1,5})?${PATH}`],
  ['url', `https?://(?:${LABEL}\\.){1,4}[a-z]{2,12}(?:/[a-zA-Z0-9_.~-]*)*`],
  ['uri-reference', `(?:[a-zA-Z][a-zA-Z0-9+.-]{1,15}://${HOST})?${PATH}`],
  ['json-pointer', '(?:/(?:[^/~]|~[01])*)*'],
  ['byte', '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?'],
]);
