import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'vitest';
import { runTool } from '../../src/process/run-tool.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { differing, startRawCluster } from './raw-backups.js';

const queue = `
\\set n random(1, 400)
begin;
insert into queue select i, repeat('q', 200) from generate_series(1, :n) as i;
delete from queue where ctid = any (array(select ctid from queue limit :n * 2));
end;
`;
const cases = [
  { name: 'A tpcb live', major: 17, live: true, queue: false, n: 12 },
  { name: 'A tpcb live', major: 18, live: true, queue: false, n: 12 },
  { name: 'B queue live', major: 17, live: true, queue: true, n: 12 },
  { name: 'C queue quiet', major: 17, live: false, queue: true, n: 12 },
  { name: 'C queue quiet', major: 18, live: false, queue: true, n: 8 },
] as const;
it.each(cases)('%o', async ({ name, major, live, queue: isQueue, n }) => {
  const raw = await startRawCluster({ major, settings: { autovacuum: 'on', autovacuum_naptime: '1s', autovacuum_vacuum_threshold: '50', checkpoint_timeout: '30s' } });
  const log = (line: string) => appendFile('/tmp/lswork/measure.log', `${major} ${name}: ${line}\n`);
  try {
    const script = join(raw.scratch, 'queue.sql');
    await writeFile(script, queue, { mode: 0o644 });
    const env = toolEnvironment(raw.cluster.tools);
    const bench = async (...args: string[]) => { const r = await runTool({ file: toolPath(raw.cluster.tools, 'pgbench'), args: [...args, raw.cluster.conninfo()], env }); return r.stdout; };
    await bench('-i', '-s', '5', '-q');
    await raw.sql('create table queue (id int, txt text)');
    let chain = [await raw.full()];
    let fired = 0, wrongLinks = 0, disagree = 0, truncatedLinks = 0, coarse = 0;
    const args = isQueue ? ['-c', '3', '-f', `${script}@1`, '-b', 'tpcb-like@3'] : ['-c', '4'];
    for (let i = 0; i < n; i += 1) {
      const load = bench(...args, '-T', '6');
      if (!live) await load;
      else await new Promise((r) => setTimeout(r, 4000));
      if (!live) await raw.checkpoint();
      const inc = await raw.incremental(chain.at(-1)!);
      const started = performance.now();
      const judgement = await raw.judge(chain, inc);
      const ms = performance.now() - started;
      const [t] = await raw.sql<{ truncated: number; coarse: number }>(`with c as (select reltablespace, reldatabase, relfilenode, relforknumber, min(relblocknumber) filter (where is_limit_block) as lim, max(relblocknumber) filter (where not is_limit_block) as top from pg_available_wal_summaries() s, pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) where s.start_lsn < '${inc.record.startLsn}' and s.end_lsn > '${chain.at(-1)!.record.startLsn}' group by 1,2,3,4) select count(*) filter (where lim > 0)::int as truncated, count(*) filter (where lim > 0 and top >= lim)::int as coarse from c where relforknumber = 0`);
      if (t!.truncated > 0) truncatedLinks += 1;
      if (t!.coarse > 0) coarse += 1;
      if (!judgement.safe) { fired += 1; await log('  ' + judgement.reasons.join(' | ')); }
      if (!live) {
        const wrong = await differing(raw, [...chain, inc], ['queue', 'pgbench_accounts', 'pgbench_branches', 'pgbench_tellers', 'pgbench_history']);
        if (wrong.length > 0) wrongLinks += 1;
        if ((wrong.length > 0) === judgement.safe) { disagree += 1; await log(`  DISAGREE wrong=${wrong.join()} ${JSON.stringify(judgement)}`); }
      }
      const out = await load;
      if (i === 0) await log(`  tps ${/tps = ([\d.]+)/.exec(out)?.[1]} judge ${Math.round(ms)} ms`);
      chain = judgement.safe ? [...chain, inc] : [await raw.full()];
    }
    await log(`links ${n}, with a truncation ${truncatedLinks}, coarse rule fires ${coarse}, judge fires ${fired}, wrong ${live ? '?' : wrongLinks}, disagree ${live ? '?' : disagree}`);
  } finally { await raw.remove(); }
}, 400_000);
