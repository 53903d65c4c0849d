import type { Command } from 'commander';

import { clusterOf, type ResolvedCluster } from '../configuration/cluster.js';
import { parseConfiguration, placeOfConfiguration } from '../configuration/load.js';
import { stateDirectory } from '../configuration/state-directory.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { parseConninfo } from '../postgres/conninfo.js';
import { openOrCreateRepository } from '../repository/repository.js';
import type { Wal } from '../repository/wal-mode.js';
import { addCluster, assertClusterName, type ClusterWish } from '../setup/add-cluster.js';
import { applySetup } from '../setup/apply-setup.js';
import { lookAround } from '../setup/look-around.js';
import { planSetup, renderScript, roleAndDatabase, type SetupPlan } from '../setup/plan-setup.js';
import { writeConfiguration } from '../setup/write-configuration.js';
import { ask } from './ask.js';
import { globalOptions } from './global-options.js';
import { colors, print, printJson, say } from './terminal.js';

interface InitOptions extends ClusterWish {
  as?: string;
  apply?: boolean;
  print?: boolean;
}

export async function init(name: string, options: InitOptions, command: Command): Promise<ExitCode> {
  const { config, json } = globalOptions(command);
  if (options.apply === true && (options.as === undefined || options.print === true)) {
    throw new UsageError({
      what: options.as === undefined ? '--apply needs --as.' : '--apply and --print exclude each other.',
      means: 'A role with REPLICATION is made, and settings are changed, by a superuser.',
      todo: 'Say who, such as --as user=postgres; or leave --apply out and run what is printed yourself.',
    });
  }
  assertClusterName(name);
  const place = await placeOfConfiguration(config);
  const wish = await complete(name, options, place.text, json === true);
  const added = addCluster(place.text, place.path, name, wish);
  const configuration = parseConfiguration(added.text, place.path);
  const cluster = clusterOf(
    { path: place.path, configuration, stateDirectory: stateDirectory(configuration.state_directory) },
    name,
  );
  const { plan, done } = await setUp(cluster, options);
  const writes = options.print !== true && added.changed;
  if (writes) await writeConfiguration(place.path, added.text, place.text);
  if (json === true)
    printJson({
      cluster: name,
      ...plan,
      applied: options.apply === true,
      done,
      configuration: { path: place.path, written: writes, text: added.text },
    });
  else show(name, plan, { done, added, path: place.path, options, mode: cluster.wal.mode });
  return exitCodes.done;
}

/** Fills in what was not said, by asking: but only for a cluster that the file does not know yet. */
async function complete(
  name: string,
  options: InitOptions,
  text: string | undefined,
  asJson: boolean,
): Promise<ClusterWish> {
  const { connection, repository, walDirectory, walMode, restoreCommand, backupFrom, rto, rpo } = options;
  const said = Object.fromEntries(
    Object.entries({ connection, repository, walDirectory, walMode, restoreCommand, backupFrom, rto, rpo }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as ClusterWish;
  const isKnown = text !== undefined && new RegExp(`^\\s+["']?${name}["']?\\s*:`, 'm').test(text);
  if (asJson || isKnown) return said;
  const questions = (
    [
      {
        key: 'connection',
        text: `How to reach ${name} (a libpq connection string, no password)`,
        proposal: 'host=/run/postgresql port=5432 dbname=postgres user=pgdrill',
      },
      { key: 'repository', text: 'Where its backups are to lie', proposal: `/var/lib/pgdrill/${name}` },
    ] as const
  ).filter(({ key }) => said[key] === undefined);
  return questions.length === 0 ? said : { ...said, ...(await ask(questions)) };
}

async function setUp(cluster: ResolvedCluster, options: InitOptions): Promise<{ plan: SetupPlan; done: string[] }> {
  const { role, database } = roleAndDatabase(cluster.connection);
  const { mode } = cluster.wal;
  const archiveDirectory = mode === 'archive' && cluster.ownWalDirectory ? cluster.walDirectory : undefined;
  if (options.as === undefined) return { plan: planSetup(cluster, archiveDirectory, mode, undefined), done: [] };
  const admin = { ...cluster.connection, dbname: database, ...parseConninfo(options.as) };
  const seen = await lookAround(admin, role, archiveDirectory, mode);
  const plan = planSetup(cluster, archiveDirectory, mode, seen);
  if (options.apply !== true) return { plan, done: [] };
  const done = await applySetup(plan, admin);
  await openOrCreateRepository(cluster);
  return { plan, done: [...done, `repository ${cluster.repository} is laid out`] };
}

function show(
  name: string,
  plan: SetupPlan,
  {
    done,
    added,
    path,
    options,
    mode,
  }: {
    done: string[];
    mode: Wal['mode'];
    added: { text: string; changed: boolean };
    path: string;
    options: InitOptions;
  },
): void {
  if (options.apply === true) {
    for (const line of done) say(`${colors.green('done')}  ${line}`);
    if (plan.settingStatements.some(({ needsRestart }) => needsRestart))
      say(`${colors.yellow('to do')} Restart the server: some settings take effect only then.`);
    for (const note of plan.notes) say(`${colors.yellow('to do')} ${note}`);
    say(`${colors.yellow('to do')} Unless other lines let it in already, ${plan.hbaFile} needs:`);
    for (const line of plan.hbaLines) say(`        ${line}`);
  } else print(renderScript(plan));
  if (options.print === true)
    say(added.changed ? `\n${path} would be:\n\n${added.text}` : `${path} knows ${name} already.`);
  else
    say(added.changed ? `${path} has cluster ${name} now.` : `${path} knows ${name} already, and was left as it is.`);
  if (options.print === true) return;
  say(`Then: pgdrill doctor ${name}`);
  if (mode === 'stream') say(`And, with a worker running, for the WAL: pgdrill stream start ${name}`);
}
