import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser, type Copy, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import t from 'tap';
import { DOCKER, ROOT } from './paths.js';

const files = readdirSync(DOCKER).filter(name => name.startsWith('Dockerfile'));
t.ok(files.includes('Dockerfile'), 'there is one for the processor');

for (const name of files) {
  const source = readFileSync(join(DOCKER, name), 'utf8');
  const dockerfile = DockerfileParser.parse(source);
  const all = dockerfile.getInstructions();
  const lastFrom = all.findLastIndex(instruction => instruction.getKeyword() === 'FROM');
  const final = all.slice(lastFrom);

  t.test(`${name} is well formed`, async t => {
    t.same(validate(source), []);
  });

  t.test(`${name} starts from images that do not move`, async t => {
    const variables = new Map(
      dockerfile.getInitialARGs().map(arg => {
        const property = arg.getProperty()!;
        return [property.getName(), property.getValue() ?? ''];
      }),
    );
    const stages = new Set<string>();
    for (const from of dockerfile.getFROMs()) {
      const image = from
        .getImage()!
        .replace(/\$\{(\w+)\}/g, (_, variable: string) => variables.get(variable)!);
      t.ok(
        stages.has(image) || /:[^:@]*\d[^:@]*(@sha256:[0-9a-f]{64})?$/.test(image),
        `${image} has a tag with a version`,
      );
      const stage = from.getBuildStage();
      if (stage !== null) stages.add(stage);
    }
  });

  t.test(`${name} copies only what is there`, async t => {
    for (const copy of dockerfile.getCOPYs().filter(isFromContext)) {
      const paths = copy.getArguments().map(argument => argument.getValue());
      for (const path of paths.slice(0, -1)) t.ok(existsSync(join(ROOT, path)), path);
    }
    t.same(values(all, 'ADD'), [], 'COPY, not ADD: nothing is fetched or unpacked by the way');
  });

  t.test(`${name} gives an image that is fit for strangers' networks`, async t => {
    const users = values(final, 'USER');
    t.ok(users.length > 0 && !/^(root|0)(:|$)/.test(users.at(-1)!), 'it does not run as root');
    for (const keyword of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) {
      const [instruction] = final.filter(instruction => instruction.getKeyword() === keyword);
      t.ok(instruction, `it has ${keyword}`);
      const command =
        keyword === 'HEALTHCHECK' ? /CMD \[/.test(instruction!.toString()) : isExec(instruction!);
      t.ok(command, `${keyword} needs no shell, so that signals arrive`);
    }
    t.same(values(final, 'STOPSIGNAL'), ['SIGTERM']);
    for (const folder of values(all, 'WORKDIR')) t.match(folder, /^\//, `${folder} is absolute`);
    const environment = values(all, 'ENV').join(' ') + values(all, 'ARG').join(' ');
    t.notMatch(environment, /TOKEN|SECRET|PASSWORD|API_KEY/i, 'no secrets');
    for (const run of values(all, 'RUN')) {
      t.notMatch(run, /\bsudo\b|\bapt\s/, 'neither sudo nor apt');
      if (!/apt-get install/.test(run)) continue;
      t.match(run, /--no-install-recommends/);
      t.match(run, /apt-get update.*apt-get install.*rm -rf \/var\/lib\/apt\/lists/s);
    }
  });
}

function values(instructions: readonly Instruction[], keyword: string): string[] {
  return instructions
    .filter(instruction => instruction.getKeyword() === keyword)
    .map(instruction => instruction.getArgumentsContent() ?? '');
}

function isExec(instruction: Instruction): boolean {
  return (instruction as JSONInstruction).getOpeningBracket() !== null;
}

function isFromContext(copy: Copy): boolean {
  return copy.getFlags().every(flag => flag.getName() !== 'from');
}
