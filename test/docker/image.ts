import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { DockerfileParser, type Copy, type Env, type Instruction } from 'dockerfile-ast';

/** What a file system of a stage has that its base has not, and what commands in it are given. */
interface Stage {
  readonly layer: string;
  readonly environment: Record<string, string>;
  workingDirectory: string;
  user: string;
}

/** How the last stage is to be run. */
export interface ImageConfig {
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

/**
 * Carries out a Dockerfile where there is no container engine: each stage is an overlay over this machine's own file system, which stands
 * in for the base image, and each command runs in it by chroot. Needs Linux, root, and node and npm of this machine.
 */
export class Image implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'kvasir-image-'));
  readonly #context: string;
  readonly #stages: Stage[] = [];
  readonly #byName = new Map<string, Stage>();
  #command: string[] = [];
  #entrypoint: string[] = [];
  #healthcheck: string[] = [];

  /** @param context folder from which COPY copies. */
  constructor(context: string) {
    this.#context = context;
  }

  get config(): ImageConfig {
    return { command: [...this.#entrypoint, ...this.#command], healthcheck: this.#healthcheck };
  }

  /** Number of the user that the last stage runs as. */
  get userId(): number {
    const users = readFileSync(join(this.#last.layer, 'etc/passwd'), 'utf8');
    return Number(new RegExp(`^${this.#last.user}:[^:]*:(\\d+):`, 'm').exec(users)![1]);
  }

  /** Bytes that the last stage adds to its base. */
  get bytes(): number {
    const { stdout } = spawnSync('du', ['-sk', this.#last.layer], { encoding: 'utf8' });
    return Number(stdout.split('\t')[0]) * 1024;
  }

  /** @throws Error where a step fails */
  build(dockerfile: string, report: (line: string) => void): void {
    for (const instruction of DockerfileParser.parse(readFileSync(dockerfile, 'utf8')).getInstructions()) {
      report(instruction.toString().split('\n')[0]!);
      this.#carryOut(instruction);
    }
  }

  /**
   * Starts a command as the image's user, with a read-only root, no capabilities, and nothing to write but `/tmp` and what is given.
   *
   * @param volumes folders of this machine by where they are seen.
   */
  start(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    volumes: Readonly<Record<string, string>>,
  ): ChildProcess {
    const { layer, environment: own, workingDirectory, user } = this.#last;
    const { root, mount } = this.#overlay(layer);
    const script = [
      mount,
      `mount -o remount,bind,ro ${root}`,
      `mount -t tmpfs tmpfs ${root}/tmp`,
      ...this.#mounts(root),
      ...Object.entries(volumes).map(([target, source]) => `mount --bind ${source} ${root}${target}`),
      `exec chroot ${root} env -C ${workingDirectory} setpriv --reuid=${user} --regid=${user} --clear-groups --no-new-privs --bounding-set=-all "$@"`,
    ].join(' && ');
    return spawn('unshare', ['-m', 'sh', '-c', script, 'sh', ...command], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', ...own, ...environment },
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #last(): Stage {
    return this.#stages.at(-1)!;
  }

  #carryOut(instruction: Instruction): void {
    const content = instruction.getArgumentsContent() ?? '';
    switch (instruction.getKeyword()) {
      case 'FROM': {
        const stage: Stage = {
          layer: join(this.#folder, `stage-${this.#stages.length}`),
          environment: {},
          workingDirectory: '/',
          user: 'root',
        };
        mkdirSync(stage.layer);
        this.#stages.push(stage);
        const name = / AS (\S+)$/i.exec(content)?.[1];
        if (name !== undefined) this.#byName.set(name, stage);
        // The node images have this user; the machine need not.
        this.#run('id node >/dev/null 2>&1 || useradd --create-home node');
        break;
      }
      case 'RUN':
        this.#run(content.replace(/^(--\S+\s+)+/, ''));
        break;
      case 'COPY':
        this.#copy(instruction as Copy);
        break;
      case 'ENV':
        for (const property of (instruction as Env).getProperties())
          this.#last.environment[property.getName()] = property.getValue() ?? '';
        break;
      case 'WORKDIR':
        this.#last.workingDirectory = posix.resolve(this.#last.workingDirectory, content);
        this.#run(`mkdir -p ${this.#last.workingDirectory}`, '/');
        break;
      case 'USER':
        this.#last.user = content;
        break;
      case 'VOLUME':
        this.#run(`mkdir -p ${content}`);
        break;
      case 'ENTRYPOINT':
        this.#entrypoint = JSON.parse(content) as string[];
        break;
      case 'CMD':
        this.#command = JSON.parse(content) as string[];
        break;
      case 'HEALTHCHECK':
        this.#healthcheck = JSON.parse(content.slice(content.indexOf('['))) as string[];
        break;
      case 'ARG':
      case 'EXPOSE':
      case 'STOPSIGNAL':
        break;
      default:
        throw new Error(`${instruction.getKeyword()} is not known here`);
    }
  }

  /** Runs a line of shell as root in the last stage. */
  #run(line: string, workingDirectory = this.#last.workingDirectory): void {
    const { layer, environment } = this.#last;
    const { root, mount } = this.#overlay(layer);
    const script = [
      mount,
      ...this.#mounts(root),
      `exec chroot ${root} env -C ${workingDirectory} sh -euc "$1"`,
    ].join(' && ');
    const { status } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', line], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...environment },
    });
    if (status !== 0) throw new Error(`RUN ${line} ended with ${status}`);
  }

  #overlay(layer: string): { root: string; mount: string } {
    const [root, work] = [join(this.#folder, 'root'), join(this.#folder, 'work')];
    for (const folder of [root, work]) mkdirSync(folder, { recursive: true });
    return {
      root,
      mount: `mount -t overlay overlay -o lowerdir=/,upperdir=${layer},workdir=${work} ${root}`,
    };
  }

  #mounts(root: string): string[] {
    return ['proc', 'dev'].map(name => `mount --rbind /${name} ${root}/${name}`);
  }

  #copy(copy: Copy): void {
    const paths = copy.getArguments().map(argument => argument.getValue());
    const target = posix.resolve(this.#last.workingDirectory, paths.pop()!);
    const from = copy.getFlags().find(flag => flag.getName() === 'from');
    const base = from === undefined ? this.#context : this.#byName.get(from.getValue()!)!.layer;
    for (const path of paths) {
      const source = join(base, path);
      const intoFolder = !lstatSync(source).isDirectory();
      const destination = join(this.#last.layer, target, intoFolder ? posix.basename(path) : '');
      cpSync(source, destination, { recursive: true, verbatimSymlinks: true });
    }
  }
}
