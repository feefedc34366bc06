import { writeFile } from 'node:fs/promises';
import { FIELDS_PAGE, fieldsPage } from './fields-page.js';

/** Makes the page about fields of requests in docs/ anew: `npm run docs:fields`. */
await writeFile(FIELDS_PAGE, await fieldsPage());
