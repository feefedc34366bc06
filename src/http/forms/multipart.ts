import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { invalidRequest, KvasirError } from '#errors.js';
import { UploadedFile } from './uploaded-file.js';

/** A part of a form, as it was sent. */
export type FormEntry = readonly [name: string, value: string | UploadedFile];

/** What of a form is read at most, beside the limit of the whole body. */
export interface FormLimits {
  /** Bytes of each field that is no file. */
  readonly fieldBytes: number;
  /** Fields that are no files. */
  readonly fields: number;
  /** Bytes of a file's name and the like. */
  readonly headerBytes: number;
}

/** More than any client sends: a field for each item of the longest list. */
export const FORM_LIMITS: FormLimits = { fieldBytes: 64 * 1024, fields: 256, headerBytes: 4096 };

/**
 * Reads a `multipart/form-data` body to its end. Files are kept in memory, which their length bounds.
 *
 * @param body is read to its end, or destroyed.
 * @param isWanted tells by a field's name whether its file is wanted; others are passed over.
 * @returns the parts in the order in which they came.
 * @throws KvasirError `invalid_request` where it is no such form, has more or longer fields than the limits, or
 * ends too early; what `body` throws
 */
export function readForm(
  headers: IncomingHttpHeaders,
  body: Readable,
  isWanted: (name: string) => boolean,
  { fieldBytes, fields, headerBytes }: FormLimits = FORM_LIMITS,
): Promise<FormEntry[]> {
  /** By their places; that of a file is kept until it is there. */
  const entries: FormEntry[] = [];
  let count = 0;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      body.unpipe();
      // What is still to come is read and dropped, so that the client gets to read the answer.
      body.resume();
      reject(error);
    };
    const malformed = (): void => fail(malformedForm());
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: headers as BusboyHeaders,
        limits: {
          fieldSize: fieldBytes,
          fields,
          fieldNameSize: 256,
          headerSize: headerBytes,
          headerPairs: 32,
        },
      });
    } catch {
      malformed();
      return;
    }
    parser.on('field', (name, value, nameTruncated, valueTruncated) => {
      if (nameTruncated || valueTruncated)
        fail(invalidRequest(name, `${name} has more than ${fieldBytes} bytes`));
      else entries[count++] = [name, value];
    });
    parser.on('file', (name, stream) => {
      const chunks: Uint8Array[] = [];
      const place = isWanted(name) ? count++ : undefined;
      stream.on('data', (chunk: Uint8Array) => {
        if (place !== undefined) chunks.push(chunk);
      });
      stream.once('error', malformed);
      stream.once('end', () => {
        if (place !== undefined) entries[place] = [name, new UploadedFile(chunks)];
      });
    });
    parser.once('fieldsLimit', () =>
      fail(new KvasirError('invalid_request', `the form has more than ${fields} fields`)),
    );
    parser.once('error', malformed);
    parser.once('finish', () => resolve(entries));
    body.on('error', fail);
    body.once('close', () => {
      if (!body.readableEnded) fail(malformedForm());
    });
    body.pipe(parser);
  });
}

function malformedForm(): KvasirError {
  return new KvasirError(
    'invalid_request',
    'the body is no form of type multipart/form-data, or ends too early',
  );
}
