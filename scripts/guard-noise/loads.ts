import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Conninfo, formatConninfo } from '../../src/postgres/conninfo.js';
import { runSql, type ScratchServers } from '../scratch/servers.js';

export interface Load {
  name: string;
  description: string;
  prepare: (servers: ScratchServers, source: Conninfo) => Promise<void>;
  /** Arguments of pgbench, without the connection. */
  pgbench: (servers: ScratchServers) => Promise<string[]>;
}

const queues = 8;

/** Jobs that nobody takes, at the front of each table: a table that is cut to nothing is copied whole, and no harm can come of it. */
const stuckJobs = 1_000;

/**
 * Jobs come in at the end of eight tables, in batches; workers take them, often all of them, from either end. So autovacuum finds empty
 * ends to cut off, and the tables grow again at once.
 */
const queueScript = `
\\set q random(1, ${queues})
\\set what random(1, 10)
insert into queue_:q (payload) select repeat('j', 200) from generate_series(1, 100);
\\if :what <= 2
  delete from queue_:q where id > ${stuckJobs};
\\elif :what <= 5
  delete from queue_:q where id in (select id from queue_:q where id > ${stuckJobs} order by id limit 300);
\\elif :what <= 8
  delete from queue_:q where id in (select id from queue_:q where id > ${stuckJobs} order by id desc limit 400);
\\endif
`;

/** @returns those of a name, or all. */
export function loadsNamed(name?: string): Load[] {
  return loads.filter((load) => name === undefined || load.name === name);
}

const loads: readonly Load[] = [
  {
    name: 'pgbench',
    description: 'pgbench’s own transactions (TPC-B-like), 4 clients',
    prepare: async ({ tool }, source) => {
      await tool('pgbench', ['--initialize', '--quiet', '--scale=5', formatConninfo(source)]);
    },
    pgbench: () => Promise.resolve(['--no-vacuum', '--client=4']),
  },
  {
    name: 'queues',
    description: `${queues} queue tables that fill and empty, so that autovacuum truncates them, 4 clients at 12 batches a second`,
    prepare: async (_servers, source) => {
      for (let q = 1; q <= queues; q += 1)
        await runSql(
          source,
          `create table queue_${q} (id bigint generated always as identity primary key, payload text)`,
          `insert into queue_${q} (payload) select repeat('j', 200) from generate_series(1, ${stuckJobs})`,
        );
    },
    pgbench: async ({ path }) => {
      const script = join(path, 'queue.sql');
      await writeFile(script, queueScript, { mode: 0o644 });
      return ['--no-vacuum', '--client=4', '--rate=12', `--file=${script}`];
    },
  },
];
