import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { layers } from './eslint-layers.js';

export default tseslint.config(
  // The programs under test/clients are compiled with what is generated in their test.
  { ignores: ['dist/', '.tap/', 'coverage/', 'src/graph/onnx/onnx_pb.ts', 'test/clients/programs/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          name: '@fastify/type-provider-typebox',
          allowTypeImports: true,
          message: 'Take Type of typebox: this module loads a compiler of schemas at the start.',
        },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  { files: ['src/**/*.ts', 'routes/**/*.ts'], plugins: { layers }, rules: { 'layers/imports': 'error' } },
  // tap waits for its subtests by itself.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
  // The compiler knows what a browser has.
  { files: ['playground/**/*.js'], rules: { 'no-undef': 'off' } },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly' } },
  },
);
