import path from 'node:path';

/**
 * What each folder of `src` may import of the others; `types` after a name: types only. Everybody may import the small files beside them.
 * ARCHITECTURE.md says what the folders are for.
 */
const MAY_IMPORT = {
  cli: ['config', 'gguf', 'graph', 'http', 'hub', 'model', 'registry', 'runtime', 'server.js'],
  'server.js': ['http', 'metrics', 'picture-reading.js', 'registry', 'routes'],
  'picture-reading.js': ['api', 'vision'],
  routes: [
    'speech',
    'http',
    'api',
    'registry types',
    'engine types',
    'structured types',
    'chat types',
    'results',
    'tensors',
    'text',
  ],
  api: [
    'audio',
    'speech',
    'offload types',
    'registry types',
    'batching types',
    'engine types',
    'model types',
    'structured',
    'chat',
    'results',
    'text',
    'vision types',
  ],
  http: ['api types', 'registry types', 'metrics types', 'engine types'],
  metrics: ['registry types', 'engine types'],
  registry: [
    'speech',
    'offload',
    'engine',
    'batching',
    'tensors',
    'chat',
    'model',
    'runtime',
    'text',
    'vision',
  ],
  engine: ['model types', 'text'],
  batching: ['model types'],
  tensors: ['batching types', 'model types', 'graph', 'runtime'],
  speech: ['engine types', 'model types', 'text'],
  structured: ['engine types', 'text'],
  chat: ['text'],
  results: ['engine', 'text types'],
  model: ['graph', 'runtime', 'vision'],
  config: ['engine', 'gguf', 'graph', 'hub', 'model', 'runtime'],
  hub: ['gguf', 'graph types', 'model'],
  graph: ['gguf'],
  gguf: [],
  text: [],
  runtime: [],
  vision: [],
  audio: [],
  offload: ['chat', 'structured', 'text', 'engine types'],
  'bytes.js': [],
  'caller.js': [],
  'errors.js': [],
  'exact-numbers.js': [],
  'fair-queue.js': [],
  'fair-turns.js': [],
  'files.js': [],
  'json-forms.js': [],
  'owner.js': [],
  'places.js': [],
  'ring.js': [],
  'sentence-settings.js': [],
  'storage.js': [],
  'turns.js': [],
};

const EVERYBODY = [
  'bytes.js',
  'caller.js',
  'errors.js',
  'exact-numbers.js',
  'fair-queue.js',
  'fair-turns.js',
  'files.js',
  'json-forms.js',
  'owner.js',
  'places.js',
  'ring.js',
  'sentence-settings.js',
  'storage.js',
  'turns.js',
];

const root = import.meta.dirname;

/** The folder of `src` (or `routes`), or the file in it, that a file belongs to; undefined for files elsewhere. */
function folderOf(file) {
  const [top, ...rest] = path.relative(root, file).split(path.sep);
  if (top === 'routes') return 'routes';
  return top === 'src' ? rest[0].replace(/\.ts$/, '.js') : undefined;
}

/** The protocol of `routes` that a file belongs to. What stands beside them, and `shared`, is of all. */
function protocolOf(file) {
  const [top, protocol, ...rest] = path.relative(root, file).split(path.sep);
  return top === 'routes' && rest.length > 0 && protocol !== 'shared' ? protocol : undefined;
}

function fileOf(source, from) {
  if (source.startsWith('.')) return path.resolve(path.dirname(from), source);
  if (!source.startsWith('#')) return undefined;
  return path.join(root, /^#(routes|test|bench)\//.test(source) ? source.slice(1) : `src/${source.slice(1)}`);
}

/** Folders import only what {@link MAY_IMPORT} allows, and no protocol another one. */
const imports = {
  create(context) {
    const from = context.filename;
    const folder = folderOf(from);
    const check = node => {
      const to = node.source && fileOf(node.source.value, from);
      const target = to && folderOf(to);
      if (folder === undefined || !to) return;
      const kinds = (node.specifiers ?? []).map(({ importKind }) => importKind);
      const isType =
        (node.importKind ?? node.exportKind) === 'type' ||
        (kinds.length > 0 && kinds.every(kind => kind === 'type'));
      const allowed = [...EVERYBODY, ...(MAY_IMPORT[folder] ?? [])];
      const ok =
        target === folder
          ? node.source.value.startsWith('.') || folder === 'routes'
          : target !== undefined &&
            (allowed.includes(target) || (isType && allowed.includes(`${target} types`)));
      if (!ok)
        context.report({
          node,
          message: `${folder} may not import ${node.source.value}${isType ? '' : ' (as a value)'}`,
        });
      const [mine, other] = [protocolOf(from), protocolOf(to)];
      if (mine !== undefined && other !== undefined && mine !== other)
        context.report({ node, message: `the protocol ${mine} may not import ${other}` });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

/** A plugin with the rule `layers/imports`. */
export const layers = { rules: { imports } };
