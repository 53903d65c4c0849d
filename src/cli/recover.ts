import { resolve } from 'node:path';

import type { Command } from 'commander';

import type { RecoverResult } from '../client/results.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UnreachableError, UsageError } from '../errors.js';
import type { DumpFormat } from '../schema/extraction.js';
import type { SettingsMode } from '../schema/hand-over.js';
import { clusterIn } from '../repository/repository.js';
import { parseTarget } from '../schema/target.js';
import { recoveryTargetForms } from '../schema/vocabulary.js';
import type { RecoverGate } from '../schema/workflow-inputs.js';
import { loadFor } from './context.js';
import { declined } from './confirm.js';
import { globalOptions } from './global-options.js';
import { extractInputOf, runExtraction, wantedOf } from './recover-extract.js';
import { guide, type Guided } from './recover-guided.js';
import { recoverStandalone } from './recover-standalone.js';
import { renderRecovery } from './render-recovery.js';
import { type Run, runWorkflow } from './run-workflow.js';
import { say } from './terminal.js';

interface RecoverOptions {
  into?: string;
  target: string;
  yes?: boolean;
  fixGate: boolean;
  gate?: RecoverGate[];
  gateTimeout?: string;
  settings: SettingsMode;
  table?: string[];
  database?: string;
  format: DumpFormat;
  standalone?: boolean;
  repository?: string;
  walDirectory?: string;
  giveUp?: boolean;
  id?: string;
  detach?: boolean;
}

export async function recover(named: string | undefined, options: RecoverOptions, command: Command): Promise<ExitCode> {
  const asJson = globalOptions(command).json === true;
  const giveUp = options.giveUp === true;
  const wanted = wantedOf(options);
  const guided = await guideIfAsked(command, named, options, wanted !== undefined);
  if (guided === 'declined') return declined('nothing was started', asJson);
  Object.assign(options, { ...guided, gate: options.gate ?? guided?.gate });
  const into = resolve(needed(options.into, '--into', 'the new data directory, absent or empty'));
  const repository = await repositoryOf(options, named);
  const cluster = repository?.cluster ?? needed(guided?.cluster ?? named, 'CLUSTER', 'a cluster of the configuration');
  const target = parseTarget(options.target);
  if (typeof target === 'string' || target.kind === 'fence') {
    throw new UsageError({
      what:
        typeof target === 'string' ? target : 'A recovery has no fence: that exists only where the source is compared.',
      means: 'Nothing was started.',
      todo: `Targets are: ${recoveryTargetForms}.`,
    });
  }
  if (wanted !== undefined) {
    const input = extractInputOf({ cluster, wanted, into, ...options });
    if (repository !== undefined)
      return await recoverStandalone({ ...repository, kind: 'extract', input }, { asJson, giveUp });
    const loaded = await loadFor(command);
    clusterOf(loaded, cluster);
    return await runExtraction(loaded, input, options.id, asJson);
  }
  const gates = options.yes === true ? [] : options.gate;
  const input = {
    cluster,
    into,
    target: options.target,
    settings: options.settings,
    ...(gates === undefined ? {} : { gates }),
    ...(options.fixGate ? {} : { fixGate: false }),
    ...(options.gateTimeout === undefined ? {} : { gateTimeout: options.gateTimeout }),
  };
  if (repository !== undefined) {
    return await recoverStandalone({ ...repository, kind: 'recover', input }, { asJson, giveUp });
  }
  const loaded = await loadFor(command);
  const { repository: known } = clusterOf(loaded, cluster);
  const run: Run<'recover', RecoverResult> = {
    kind: 'recover',
    input,
    id: options.id,
    detach: options.detach,
    asJson,
    render: renderRecovery,
    exitCode: ({ outcome }) => (outcome === 'recovered' ? exitCodes.done : exitCodes.unproven),
  };
  try {
    return await runWorkflow(loaded, run);
  } catch (error) {
    if (error instanceof UnreachableError)
      say(`Where no Temporal is left: pgdrill recover --standalone --repository ${known} --into ${into}`);
    throw error;
  }
}

/** Who gives neither cluster nor directory, at a terminal, is asked. @returns undefined where nothing is to be asked, or nobody. */
async function guideIfAsked(
  command: Command,
  named: string | undefined,
  options: RecoverOptions,
  part: boolean,
): Promise<Guided | 'declined' | undefined> {
  if (
    options.standalone === true ||
    options.yes === true ||
    part ||
    (named !== undefined && options.into !== undefined)
  )
    return undefined;
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const { into } = options;
  const target = command.getOptionValueSource('target') === 'default' ? undefined : options.target;
  return await guide(await loadFor(command), { cluster: named, target, into });
}

function needed(value: string | undefined, option: string, what: string): string {
  if (value !== undefined) return value;
  throw new UsageError({
    what: `${option} is missing: ${what}.`,
    means: 'Nothing was started.',
    todo: 'Name it: pgdrill recover CLUSTER --into DIRECTORY. More: pgdrill recover --help',
  });
}

/** Whose repository is to be recovered from, where there is no configuration; undefined where there is one. */
async function repositoryOf(
  { standalone, repository, walDirectory, giveUp }: RecoverOptions,
  named: string | undefined,
): Promise<{ cluster: string; repository: string; walDirectory?: string } | undefined> {
  if (standalone !== true) {
    if (repository === undefined && walDirectory === undefined && giveUp !== true) return undefined;
    throw new UsageError({
      what: '--repository, --wal-directory and --give-up go with --standalone.',
      means: 'Else the configuration says where the backups are. Nothing was started.',
      todo: 'Add --standalone, or leave them out.',
    });
  }
  const path = resolve(needed(repository, '--repository', 'the directory that holds pgdrill.json, backups and wal'));
  const cluster = await clusterIn(path);
  if (named !== undefined && named !== cluster) {
    throw new UsageError({
      what: `${path} is the repository of cluster ${cluster}, not of ${named}.`,
      means: 'Nothing was started.',
      todo: `Name ${cluster}, or another repository.`,
    });
  }
  return { cluster, repository: path, ...(walDirectory === undefined ? {} : { walDirectory: resolve(walDirectory) }) };
}
