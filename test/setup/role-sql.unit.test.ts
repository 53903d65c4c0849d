import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { neededPrivileges } from '../../src/doctor/needed-privileges.js';
import { roleSql, roleStatements } from '../../src/setup/role-sql.js';

it('each line says what it is for', () => {
  const statements = roleStatements('pgdrill');
  expect(statements).toHaveLength(neededPrivileges.length + 1);
  for (const { why } of statements) expect(why).toMatch(/^[A-Za-z ,]+: /);
});

it('only what is missing is given', () => {
  const facts = {
    exists: true,
    held: neededPrivileges.map(({ name }) => name),
    closedDatabases: [],
    rowSecurity: false,
  };
  expect(roleStatements('pgdrill', facts)).toEqual([]);
  expect(
    roleStatements('pgdrill', {
      ...facts,
      held: facts.held.slice(1),
      closedDatabases: ['a "b"'],
      rowSecurity: true,
    }).map(({ sql }) => sql),
  ).toEqual([
    'alter role "pgdrill" replication;',
    'alter role "pgdrill" bypassrls;',
    'grant connect on database "a ""b""" to "pgdrill";',
  ]);
});

it('the role of the composed stack has the same', async () => {
  const file = join(import.meta.dirname, '..', '..', 'docker', 'source', '10-pgdrill-role.sql');
  const composed = (await readFile(file, 'utf8')).replace(/--.*/g, '');
  const wanted = [...neededPrivileges.map(({ what }) => what)];
  for (const what of wanted) expect(composed).toContain(what);
  const granted = composed.match(/grant (.*?) to /gs)?.flatMap((grant) =>
    grant
      .replace(/^grant (execute on function )?/, '')
      .replace(/ to $/, '')
      .split(', '),
  );
  expect(granted?.sort()).toEqual(
    neededPrivileges
      .filter(({ kind }) => kind !== 'attribute')
      .map(({ what }) => what)
      .sort(),
  );
  expect(roleSql('pgdrill')).not.toContain('superuser');
});
