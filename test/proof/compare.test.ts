import { rm } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SandboxError } from '../../src/errors.js';
import { writeFileDurably } from '../../src/files/durable.js';
import { type Conninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { clusterFingerprintSchema, type ClusterFingerprint } from '../../src/proof/fingerprint-schema.js';
import { compareFingerprints } from '../../src/proof/compare.js';
import { listNotCompared } from '../../src/proof/content/coverage.js';
import { readSequences } from '../../src/proof/sequences/sequences.js';
import { checkUsable } from '../../src/proof/structure/usable.js';
import { judge } from '../../src/proof/verdict.js';
import { type TestCluster, startTestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';
import { copyCluster } from './copied-cluster.js';
import { asDrill, readCluster, run, statuses } from './proof-support.js';
import { drillRole, variedDatabase } from './varied-database.js';

const { signal } = new AbortController();
describe.each([17, 18] as const)('a physical copy of PostgreSQL %i that went through recovery', (major) => {
  let scratch: string;
  let source: TestCluster;
  let copy: TestCluster;
  let atSource: ClusterFingerprint;

  // The source crashes and its copy recovers: what recovery does to sequences and unlogged tables happens for real.
  beforeAll(async () => {
    scratch = await makeScratch();
    source = await startTestCluster(scratch, { major });
    await run(source, `create database varied`, 'postgres');
    await run(source, drillRole);
    await run(source, variedDatabase);
    await run(
      source,
      `create sequence calls;
     create sequence cached cache 50;
     create sequence "down ""s""" increment -3 start -1;
     create sequence never_called;
     create unlogged sequence off_the_record;
     select count(nextval('calls')) from generate_series(1, 40);
     select nextval('cached'), nextval('"down ""s"""');`,
    );
    atSource = await readCluster(source);
    await source.stop('immediate');
    copy = await copyCluster(source, scratch, 'copy');
    await copy.start();
  });

  afterAll(async () => {
    await copy.remove();
    await source.remove();
    await removeScratch(scratch);
  });

  const usable = (connection: Conninfo): ReturnType<typeof checkUsable> =>
    checkUsable({ connection, restart: () => copy.restart(), signal });

  it('is the same in every check, read by a role that is no superuser', async () => {
    const checks = compareFingerprints(atSource, await readCluster(copy), { readSeconds: 1.5 });
    expect(checks.flatMap(({ problems }) => problems)).toEqual([]);
    expect(statuses(checks)).toEqual({
      content: 'passed',
      unlogged: 'passed',
      sequences: 'passed',
      schema: 'passed',
      globals: 'passed',
    });
    expect(checks[0]).toMatchObject({ figures: { tables: 14, seconds: 1.5 }, seconds: 1.5 });
    expect(judge(checks).verdict).toBe('passed');
    expect(listNotCompared(atSource)).toHaveLength(2);
  });

  it('keeps its fingerprint through a JSON file', async () => {
    const parsed = clusterFingerprintSchema.parse(JSON.parse(JSON.stringify(atSource)));
    expect(statuses(compareFingerprints(parsed, await readCluster(copy)))).toMatchObject({ content: 'passed' });
  });

  it('has sequences that run ahead, by no more than PostgreSQL logs', async () => {
    const restored = await readSequences({ connection: asDrill(copy), database: 'varied', signal });
    const last = (name: string): string | undefined => restored.states.find((each) => each.name === name)?.lastValue;
    expect(Number(last('calls'))).toBeGreaterThan(40);
    expect(Number(last('calls'))).toBeLessThanOrEqual(40 + 33);
    expect(restored.states.map(({ name }) => name)).not.toContain('off_the_record');
  });

  it.each([
    ['behind', `select setval('calls', 39)`],
    ['further ahead', `select setval('calls', 40 + 34)`],
    ['called though it never was', `select nextval('never_called')`],
    ['of another increment', `alter sequence cached increment 2`],
  ])('fails with a sequence that is %s', async (_, sql) => {
    await run(copy, `begin; create table kept as select last_value from calls; ${sql}; commit`);
    const check = compareFingerprints(atSource, await readCluster(copy))[2];
    await run(
      copy,
      `drop table kept; select setval('calls', 40); alter sequence cached increment 1;
                     select setval('never_called', 1, false)`,
    );
    expect(check).toMatchObject({ name: 'sequences', status: 'failed', figures: { differing: 1 } });
  });

  it('fails with an unlogged table that is not empty, or is gone', async () => {
    await run(copy, `insert into scratchpad values (1)`);
    expect(compareFingerprints(atSource, await readCluster(copy))[1]).toMatchObject({
      status: 'failed',
      problems: [{ object: 'varied.public.scratchpad', detail: 'is not empty, as recovery must leave it' }],
    });
    await run(copy, `truncate scratchpad`);
    const { relations, ...rest } = atSource.databases[0]!;
    const more = { ...rest, relations, unlogged: [...rest.unlogged, { schema: 'public', name: 'gone' }] };
    const check = compareFingerprints({ ...atSource, databases: [more] }, await readCluster(copy))[1];
    expect(check).toMatchObject({
      status: 'failed',
      problems: [{ object: 'varied.public.gone', detail: 'is missing' }],
    });
  });

  it('takes writes, and no trace of the check remains', async () => {
    const before = await readCluster(copy);
    const check = await usable(parseConninfo(copy.conninfo({ dbname: 'varied' })));
    expect(check).toMatchObject({ name: 'writes', status: 'passed', problems: [] });
    expect(statuses(compareFingerprints(before, await readCluster(copy)))).toMatchObject({
      content: 'passed',
      schema: 'passed',
    });
  });

  it('does not take writes that are gone after a restart', async () => {
    const restart = async (): Promise<void> => {
      await run(
        copy,
        `do $$ declare t regclass; begin
           select c.oid into t from pg_class c where relname = 'written';
           execute format('delete from %s where id <= 3', t);
         end $$`,
      );
      await copy.restart();
    };
    const connection = parseConninfo(copy.conninfo({ dbname: 'varied' }));
    const check = await checkUsable({ connection, restart, signal });
    expect(check).toMatchObject({ name: 'writes', status: 'failed', problems: [{}] });
    expect(check.problems[0]!.detail).toBe('1000 rows were committed, 997 came back after a restart');
  });

  it('does not take writes where the server does not start again', async () => {
    const words = { what: 'did not start', means: 'It is broken.', todo: 'Nothing.' };
    const check = await checkUsable({
      connection: parseConninfo(copy.conninfo({ dbname: 'varied' })),
      restart: () => Promise.reject(new SandboxError(words)),
      signal,
    });
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'sandbox' }] });
    expect(check.problems[0]!.detail).toContain('did not start');
  });

  it('does not take writes where the role may not create anything', async () => {
    const check = await usable(asDrill(copy));
    expect(check).toMatchObject({ name: 'writes', status: 'failed', problems: [{ object: 'sandbox' }] });
  });

  it('does not take writes while it is still a standby', async () => {
    const signalFile = `${copy.dataDirectory}/standby.signal`;
    await copy.stop();
    await writeFileDurably(signalFile, '');
    await copy.start();
    const check = await usable(parseConninfo(copy.conninfo({ dbname: 'varied' })));
    await copy.stop();
    await rm(signalFile);
    await copy.start();
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'sandbox' }] });
    expect(check.problems[0]!.detail).toContain('recovery');
  });
});
