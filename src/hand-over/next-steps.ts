import { join } from 'node:path';

import pg from 'pg';

import type { HandOver, Override } from '../schema/hand-over.js';
import { shellWord } from '../schema/shell-word.js';
import { type PostgresTools, toolPath } from '../toolchain/postgres.js';
import type { HandOverRequest } from './hand-over.js';
import { timelineName } from './archived-timeline.js';
import { keptAside } from './own-settings.js';
import { asServerUser, psql } from './shell-commands.js';

type Step = HandOver['nextSteps'][number];

interface Facts extends HandOverRequest {
  connection: { host: string; port: string; user: string };
  sheet: Omit<HandOver, 'nextSteps'>;
}

/** What is left to be done until the recovered server has taken the source's place, in this order, as commands. */
export function nextSteps(tools: PostgresTools, facts: Facts): Step[] {
  const { cluster, sheet } = facts;
  return [
    ...sourceMustNotReturn(facts),
    ...productionSettings(tools, facts),
    {
      title: 'Start it, and look at it',
      why: `Nothing has compared it with the source. Its log is ${sheet.dataDirectory}.log.`,
      commands: [sheet.start, sheet.connect],
    },
    ...openTransactions(tools, facts),
    {
      title: 'Statistics, and a look at every page',
      why: 'What the planner knows of the tables was restored with them; the counters that autovacuum goes by were reset.',
      commands: [
        asServerUser(`${tool(tools, 'vacuumdb')} ${address(facts)} --all --analyze-in-stages`),
        asServerUser(`${tool(tools, 'pg_amcheck')} ${address(facts)} --all --install-missing`),
      ],
    },
    ...archiving(tools, facts),
    {
      title: 'Protect it again',
      why: `Set connection of cluster ${cluster} in pgdrill.yaml to the new server first. Backups from before this recovery belong to its earlier timeline: a new full one begins the next chain.`,
      commands: [
        `pgdrill doctor ${shellWord(cluster)} --fix`,
        `pgdrill backup ${shellWord(cluster)} --type full`,
        `pgdrill drill ${shellWord(cluster)}`,
      ],
    },
    ...replication(tools, facts),
    ...subscriptions(tools, facts),
  ];
}

function tool(tools: PostgresTools, name: string): string {
  return shellWord(toolPath(tools, name));
}

function address({ connection: { host, port, user } }: Facts): string {
  return `-h ${shellWord(host)} -p ${shellWord(port)} -U ${shellWord(user)}`;
}

/** Two servers that both take writes for one application are worse than none. */
function sourceMustNotReturn({ cluster, sheet }: Facts): Step[] {
  const port = sheet.settings.compared.find(({ name }) => name === 'port')?.now;
  return [
    {
      title: `Make sure that the old ${cluster} does not come back`,
      why: `Stop it, and keep it from starting by itself (service manager, cluster manager, cloud), before anything connects here. ${port === undefined ? '' : `Where it has to run on beside this server on one host, change port ${port} of this one first. `}Keep its files until this recovery has proven itself.`,
      commands: [],
    },
  ];
}

function productionSettings(tools: PostgresTools, { sheet }: Facts): Step[] {
  if (sheet.settings.mode === 'production') return [];
  const auto = join(sheet.dataDirectory, 'postgresql.auto.conf');
  return [
    {
      title: 'Production settings',
      why: 'It starts with the settings of a sandbox: on a Unix socket alone, with little memory, without preloaded libraries. Once it is to serve, stop it and give it the source’s own, in which archiving is off.',
      commands: [
        asServerUser(`${tool(tools, 'pg_ctl')} stop -D ${shellWord(sheet.dataDirectory)}`),
        `mv ${shellWord(join(sheet.dataDirectory, keptAside))} ${shellWord(auto)}`,
      ],
    },
  ];
}

function openTransactions(tools: PostgresTools, { sheet, connection }: Facts): Step[] {
  const open = sheet.seen?.preparedTransactions ?? [];
  if (open.length === 0) return [];
  return [
    {
      title: 'End the open two-phase transactions',
      why: 'They were prepared and neither committed nor rolled back at this point; until then they hold their locks. Their transaction manager knows which it is to be.',
      commands: open.map(({ database, gid }) =>
        psql(tools, connection, { database, sql: `rollback prepared ${pg.escapeLiteral(gid)}` }),
      ),
    },
  ];
}

function archiving(tools: PostgresTools, { sheet, timeline, connection, cluster }: Facts): Step[] {
  const { safe, directory, found } = sheet.archiving;
  if (!safe)
    return [
      {
        title: 'A WAL archive of its own',
        why: `${directory} holds WAL of timeline ${timeline} already (${found.join(', ')}), of another server that left the source’s timeline: never archive there. Name a new repository for ${cluster} in pgdrill.yaml.`,
        commands: [],
      },
    ];
  const history = join(sheet.dataDirectory, 'pg_wal', `${timelineName(timeline)}.history`);
  return [
    {
      title: 'Archive again, into the new timeline',
      why: `This server writes timeline ${timeline}, of which ${directory} holds nothing: its segments have names of their own, and nothing there can be overwritten. Its history file comes first, else nobody can restore across this recovery; it was written while archiving was off. Only once the old server is gone for good.`,
      commands: [
        asServerUser(`cp -n ${shellWord(history)} ${shellWord(`${directory}/`)}`),
        psql(tools, connection, { sql: 'alter system reset archive_mode' }),
        asServerUser(
          `${tool(tools, 'pg_ctl')} restart -D ${shellWord(sheet.dataDirectory)} -l ${shellWord(`${sheet.dataDirectory}.log`)}`,
        ),
      ],
    },
  ];
}

function replication(tools: PostgresTools, { sheet, connection }: Facts): Step[] {
  const before = sheet.replication;
  const undo: Override['name'] = 'synchronous_standby_names';
  const standby = asServerUser(
    `${tool(tools, 'pg_basebackup')} ${address({ connection } as Facts)} -D NEW_DIRECTORY -R -X stream -C -S SLOT`,
  );
  const reset = psql(tools, connection, { sql: `alter system reset ${undo}` });
  if (before === undefined)
    return [
      {
        title: 'Slots and standbys',
        why: 'No backup has replication slots or standbys, and this one is of a pgdrill that did not write down which there were. Old standbys cannot follow this server: make them anew. Let commits wait for them again last.',
        commands: [standby, reset],
      },
    ];
  const { slots, standbys } = before;
  const steps: Step[] = [];
  if (slots.length > 0)
    steps.push({
      title: `Replication slots: ${slots.map(({ name }) => name).join(', ')}`,
      why: `The source had them at ${before.recordedAt}; no backup has any. A logical consumer has to copy its tables again: what it missed between cannot be known. A slot that nobody reads fills the disk, so make only those that are used.`,
      commands: slots.map(({ name, type, plugin = '', database }) =>
        psql(tools, connection, {
          ...(database === undefined ? {} : { database }),
          sql:
            type === 'physical'
              ? `select pg_create_physical_replication_slot(${pg.escapeLiteral(name)})`
              : `select pg_create_logical_replication_slot(${pg.escapeLiteral(name)}, ${pg.escapeLiteral(plugin)})`,
        }),
      ),
    });
  if (standbys.length > 0)
    steps.push({
      title: `Standbys: ${standbys.map(({ name }) => name).join(', ')}`,
      why: 'They followed the source, and may be further than this server: they cannot follow it. Make each anew, then let commits wait for them again.',
      commands: [standby, reset],
    });
  return steps;
}

function subscriptions(tools: PostgresTools, { sheet, connection }: Facts): Step[] {
  const all = sheet.seen?.subscriptions ?? [];
  if (all.length === 0) return [];
  return [
    {
      title: `Subscriptions: ${all.map(({ database, name }) => `${name} in ${database}`).join(', ')}`,
      why: 'They are enabled, but kept from running. Their publishers have moved on since the point that was restored: decide for each whether it is copied anew. Then let them run.',
      commands: [psql(tools, connection, { sql: 'alter system reset max_logical_replication_workers' })],
    },
  ];
}
