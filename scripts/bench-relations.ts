import { join } from 'node:path';
import process from 'node:process';

import { applyFixes, examine, type Patient } from '../src/doctor/doctor.js';
import { withConnection } from '../src/postgres/connection.js';
import { initdb } from '../src/postgres/instance.js';
import { standaloneContext } from '../src/process/step-context.js';
import { captureSource } from '../src/proof/capture.js';
import { validateRestore } from '../src/proof/validate.js';
import { judge } from '../src/proof/verdict.js';
import { openRepository } from '../src/repository/repository.js';
import { takeBackup } from '../src/repository/take-backup.js';
import { openSandbox } from '../src/restore/open.js';
import { planRestore } from '../src/restore/plan.js';
import { prepareRestore } from '../src/restore/prepare.js';
import { replayWal } from '../src/restore/replay.js';
import { removeSandbox, sandboxConninfo, sandboxLayout } from '../src/restore/sandbox.js';
import { bytes } from '../src/schema/figures.js';
import { roleStatements } from '../src/setup/role-sql.js';
import { ensurePostgres } from '../src/toolchain/postgres.js';
import { openScratch, runSql } from './scratch/servers.js';

// Usage: bench-relations [tables, 10000 by default] [17|18] [max_locks_per_transaction of the source, the server's default]. Every table
// has a primary key (so twice as many relations), every tenth a sequence, every twentieth is unlogged. A drill of that, step by step: how
// long each takes, how much of Temporal's 2 MB its answer fills, and how much memory this process and the server's sessions need. Then the
// same drill's validation once more with every table changed in the sandbox, since a report of 10,000 differences has to fit, too.

const [tables = 10_000, major = 17, locks = 64] = process.argv.slice(2).map(Number);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
/** Temporal refuses payloads above this (limit.blobSize.error). */
const payloadLimit = 2 * 1024 * 1024;

interface Line {
  step: string;
  seconds: number;
  payloadBytes?: number;
}
const lines: Line[] = [];

async function timed<T>(step: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const answer = await work();
  const seconds = (performance.now() - started) / 1_000;
  const payloadBytes = Buffer.byteLength(JSON.stringify(answer ?? null));
  lines.push({ step, seconds, payloadBytes });
  const share = `${((payloadBytes / payloadLimit) * 100).toFixed(1)} % of a payload`;
  const rss = bytes(process.memoryUsage().rss);
  say(
    `${step.padEnd(34)}${seconds.toFixed(1).padStart(8)} s  ${bytes(payloadBytes).padStart(10)}  ${share.padEnd(22)}${rss}`,
  );
  return answer;
}

/** In many transactions: one for all would need a lock for each table at once. */
const makeTables = (count: number): string => `
  do $$
  begin
    for n in 1..${count} loop
      execute format('create %s table %I.%I (id %s primary key, note text)',
        case when n % 20 = 0 then 'unlogged' else '' end, 'tenant ' || n % 100, 'table ' || n,
        case when n % 10 = 0 then 'bigint generated always as identity' else 'bigint' end);
      if n % 10 <> 0 then
        execute format('insert into %I.%I select i, %L from generate_series(1, 5) i', 'tenant ' || n % 100, 'table ' || n, 'note');
      end if;
      if n % 500 = 0 then commit; end if;
    end loop;
  end $$`;

const tools = await ensurePostgres({ progress: say, major });
const scratch = await openScratch(tools);
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
const context = (name: string): ReturnType<typeof standaloneContext> => ({
  ...standaloneContext(name),
  signal: stop.signal,
});

try {
  const home = join(scratch.path, 'source');
  const repositoryPath = join(scratch.path, 'repository');
  await initdb(tools, join(home, 'data'), { superuser: 'postgres', args: ['--no-sync'] });
  const settings = { max_wal_size: '4GB', max_locks_per_transaction: String(locks) };
  const admin = await scratch.start(home, settings);
  await runSql(admin, ...roleStatements('pgdrill').map(({ sql }) => sql));
  const patient: Patient = {
    name: 'many',
    connection: { ...admin, user: 'pgdrill' },
    repository: repositoryPath,
    walDirectory: join(repositoryPath, 'wal'),
    ownWalDirectory: true,
    sandboxDirectory: join(scratch.path, 'sandboxes'),
    archiveTimeoutMs: 120_000,
  };
  await applyFixes(patient, admin);
  await scratch.stop(home);
  await scratch.start(home, settings);
  say(`Making ${tables} tables (PostgreSQL ${tools.version}, max_locks_per_transaction ${locks}) …`);
  await timed('(making the tables)', async () => {
    for (let n = 0; n < 100; n += 1) await runSql(admin, `create schema "tenant ${n}"`);
    await runSql(admin, makeTables(tables));
    await runSql(admin, 'vacuum (analyze)');
  });
  const repository = await openRepository(patient);
  const backup = (type: 'full' | 'incremental') => async (): Promise<unknown> =>
    await takeBackup(tools, { repository, connection: patient.connection, type }, context(`bench/${type}`));
  await timed('doctor', () => examine(patient, context('bench/doctor')));
  await timed('full backup', backup('full'));
  await runSql(admin, `update "tenant 1"."table 1" set note = 'changed'`);
  await timed('incremental backup', backup('incremental'));
  const capture = await timed('LSN capture', () =>
    captureSource(
      tools,
      { ...patient, repository, connections: 2, snapshotTimeoutMs: 3_600_000, drillId: 'bench' },
      context('bench/capture'),
    ),
  );
  const plan = await timed('plan', () =>
    planRestore(tools, {
      repository,
      walDirectory: patient.walDirectory,
      target: { kind: 'fence' },
      fence: capture.fence,
      signal: stop.signal,
    }),
  );
  const sandbox = { ...sandboxLayout('bench', patient.sandboxDirectory), superuser: 'postgres' };
  try {
    await timed('prepare', () =>
      prepareRestore(
        tools,
        { ...plan, repository, walDirectory: patient.walDirectory, sandbox, settings: {} },
        context('bench/prepare'),
      ),
    );
    await timed('replay', () => replayWal(tools, { ...plan, sandbox }, context('bench/replay')));
    await timed('open', () => openSandbox(tools, sandbox, context('bench/open')));
    const validate = async (name: string): Promise<void> => {
      const { checks } = await timed(name, () =>
        validateRestore(
          tools,
          { repository, sandbox, role: 'pgdrill', capture, connections: 2, sourceConnection: patient.connection },
          context(name),
        ),
      );
      for (const check of checks)
        say(
          `    ${check.name.padEnd(18)}${check.status.padEnd(10)}${check.seconds.toFixed(1).padStart(7)} s  ${check.summary.slice(0, 100)}`,
        );
      say(
        `    verdict ${judge(checks).verdict}, reasons ${bytes(Buffer.byteLength(JSON.stringify(judge(checks).reasons)))}`,
      );
    };
    await validate('validation');
    await withConnection(sandboxConninfo(sandbox), (client) =>
      client.query(`
        do $$
        declare r record; n int := 0;
        begin
          for r in select oid::regclass as name, relname from pg_class where relkind = 'r' and oid >= 16384 loop
            execute format('insert into %s overriding system value values (1000000, %L)', r.name, 'extra');
            n := n + 1;
            if n % 500 = 0 then commit; end if;
          end loop;
        end $$`),
    );
    await validate('validation, every table differs');
  } finally {
    await removeSandbox(tools, sandbox);
  }
} finally {
  await scratch.remove();
}
const biggest = lines.reduce((a, b) => ((a.payloadBytes ?? 0) > (b.payloadBytes ?? 0) ? a : b));
say(
  `\nBiggest answer: ${biggest.step}, ${bytes(biggest.payloadBytes ?? 0)}; Temporal takes ${bytes(payloadLimit)} at most.`,
);
process.exitCode = (biggest.payloadBytes ?? 0) > payloadLimit ? 1 : 0;
