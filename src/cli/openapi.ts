import { Command } from 'commander';
import { openApiDocument } from '#server.js';

export function openApiCommand(): Command {
  return new Command('openapi')
    .description('Print the OpenAPI document of the HTTP interface, as YAML.')
    .action(async () => {
      process.stdout.write(await openApiDocument());
    });
}
