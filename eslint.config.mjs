import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Imports point one way (docs/decisions.md): this names, per room, what it may not reach for. */
const rooms = (files, ...forbidden) => ({
  files,
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: forbidden.map(([regex, message, allowTypeImports = false]) => ({ regex, message, allowTypeImports })),
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist', 'dist.*', 'node_modules', 'test/histories'] },
  js.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        fetch: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'import-x/no-cycle': 'error',
      eqeqeq: 'error',
    },
  },
  rooms(
    ['workflows/**/*.ts'],
    ['^(node:|fs|path|child_process|os|crypto)', 'Workflow code is replayed: it may not reach Node.'],
    ['/src/(?!schema/|lsn)', 'Workflow code may use src/schema only: everything else belongs in an activity.'],
    ['/activities/', 'Workflows use the types of activities only.', true],
    ['^(pg|execa)$', 'Workflow code is replayed: it may not do I/O.'],
  ),
  rooms(
    ['src/schema/**/*.ts'],
    ['^(node:|fs|path|child_process|os|crypto)', 'Workflows import src/schema: no Node here.'],
    ['^@temporalio', 'Nothing in src/schema knows Temporal.'],
  ),
  rooms(
    ['src/!(cli|client|schema)/**/*.ts', 'src/*.ts'],
    ['^@temporalio', 'Only src/client and src/cli know Temporal.'],
    ['/(workflows|activities|workers)/', 'Imports point one way: workers → activities → src.'],
  ),
  rooms(
    ['src/{cli,client}/**/*.ts'],
    ['/(activities|workers)/', 'The CLI talks to Temporal, not to the activities.'],
    ['/workflows/', 'The CLI uses the types of workflows only.', true],
  ),
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
);
