import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { DOCKER } from './paths.js';

interface Compose {
  readonly services: Readonly<Record<string, { readonly volumes?: readonly string[] }>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

/** The linter's types, which its package fails to export. */
interface Finding {
  readonly messages: readonly { readonly line: number; readonly rule: string; readonly message: string }[];
}

interface Linter {
  lintFiles(paths: readonly string[], fixes: boolean): readonly Finding[];
}
const { DCLinter } = createRequire(import.meta.url)('dclint') as {
  DCLinter: new (options: object) => Linter;
};

const files = readdirSync(DOCKER).filter(name => name.startsWith('compose'));

for (const name of files) {
  t.test(`${name} follows the Compose specification`, async t => {
    const linter = new DCLinter({
      // Order is for readers; and an image that is built needs a name, too.
      rules: {
        'no-build-and-image': 0,
        'require-project-name-field': name === 'compose.yaml' ? 2 : 0,
        'service-dependencies-alphabetical-order': 0,
        'service-keys-order': 0,
        'service-ports-alphabetical-order': 0,
        'services-alphabetical-order': 0,
        'top-level-properties-order': 0,
      },
      quiet: false,
      debug: false,
      exclude: [],
    });
    const results = linter.lintFiles([join(DOCKER, name)], false);
    t.same(
      results.flatMap(({ messages }) =>
        messages.map(({ line, rule, message }) => `${line}: ${rule}: ${message}`),
      ),
      [],
    );
  });

  t.test(`${name} mounts what is there`, async t => {
    const { services, volumes = {} } = parse(readFileSync(join(DOCKER, name), 'utf8')) as Compose;
    for (const volume of Object.values(services).flatMap(service => service.volumes ?? [])) {
      const [source] = volume.split(':') as [string];
      if (source.startsWith('./')) t.ok(existsSync(join(DOCKER, source)), source);
      else if (!source.startsWith('$')) t.ok(source in volumes, `${source} is declared`);
    }
  });
}
