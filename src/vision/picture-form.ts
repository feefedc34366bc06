/** Forms of files that are read: those that hold nothing but pixels, and name no other file or address. */
export type PictureForm = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

/** How the forms are called, for messages. */
export const FORM_NAMES: Readonly<Record<PictureForm, string>> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  gif: 'GIF',
  tiff: 'TIFF',
  avif: 'AVIF',
};

/** Bytes of an ISO base media file that are searched for its brands. */
const BRANDS = 64;

/**
 * The form of a file by the bytes that it begins with.
 *
 * @returns undefined where it is none of them.
 */
export function pictureForm(file: Uint8Array): PictureForm | undefined {
  const head = Buffer.from(file.buffer, file.byteOffset, Math.min(file.byteLength, BRANDS)).toString(
    'latin1',
  );
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  if (/^(?:II[*+]\0|MM\0[*+])/.test(head)) return 'tiff';
  return isAvif(head) ? 'avif' : undefined;
}

/** Whether the box of brands names AVIF, as the file's own brand or among those that it is compatible with. */
function isAvif(head: string): boolean {
  if (!head.startsWith('ftyp', 4)) return false;
  const length = Math.min(head.length, head.charCodeAt(2) * 256 + head.charCodeAt(3));
  for (let at = 8; at + 4 <= length; at += 4)
    // Behind the brand stands its version.
    if (at !== 12 && /^avi[fs]$/.test(head.slice(at, at + 4))) return true;
  return false;
}
