import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler';
import { SerializerSelector, type SerializerFactory } from '@fastify/fast-json-stringify-compiler';

type CompileValidator = ReturnType<BuildCompilerFromPool>;
type Validate = ReturnType<CompileValidator>;

const validators = AjvCompiler();
const serializers = SerializerSelector();

/**
 * Fastify's own compilers of schemas, for its `schemaController.compilersFactory`, each of which waits for the first
 * request that needs it: to compile all of them takes longer than everything else at a server's start, and few servers
 * are asked for everything.
 */
export const lazySchemas: {
  readonly buildValidator: BuildCompilerFromPool;
  readonly buildSerializer: SerializerFactory;
} = {
  buildValidator(schemas, options) {
    const compile = validators(schemas, options);
    return route => lazyValidator(() => compile(route));
  },
  buildSerializer(schemas, options) {
    const compile = serializers(schemas, options);
    return route => {
      let serialize: ReturnType<typeof compile> | undefined;
      return data => (serialize ??= compile(route))(data);
    };
  },
};

/** A validator tells its errors in a field of its own, which is where Fastify looks for them. */
function lazyValidator(compile: () => Validate): Validate {
  let compiled: Validate | undefined;
  const validate = (data: unknown): unknown => {
    compiled ??= compile();
    const verdict: unknown = compiled(data);
    Object.assign(validate, { errors: compiled.errors });
    return verdict;
  };
  return validate as Validate;
}
