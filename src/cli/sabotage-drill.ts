import type { Command } from 'commander';

import { readSabotageResult } from '../client/failures.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import type { SabotageResult } from '../schema/sabotage.js';
import { type SabotageKind, sabotageKindNames, sabotageKinds } from '../schema/sabotage-kinds.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderSabotage } from './render-sabotage.js';
import { runWorkflow } from './run-workflow.js';
import { renderTable } from './table.js';
import { print, printJson } from './terminal.js';

interface SabotageOptions {
  kind?: SabotageKind | 'all';
  seed?: number;
  id?: string;
  detach?: boolean;
}

export async function sabotageDrill(
  cluster: string | undefined,
  options: SabotageOptions & { list?: boolean },
  command: Command,
): Promise<ExitCode> {
  const asJson = globalOptions(command).json === true;
  if (options.list === true) {
    listKinds(asJson);
    return exitCodes.done;
  }
  if (cluster === undefined) {
    throw new UsageError({
      what: 'missing required argument: cluster',
      means: 'Nothing was started.',
      todo: 'Name a cluster of the configuration, or use --list.',
    });
  }
  const loaded = await loadFor(command);
  clusterOf(loaded, cluster);
  const { kind, seed, id, detach } = options;
  return await runWorkflow<'sabotageDrill', SabotageResult>(loaded, {
    kind: 'sabotageDrill',
    input: { cluster, ...(kind === undefined ? {} : { kind }), ...(seed === undefined ? {} : { seed }) },
    id,
    detach,
    asJson,
    render: (result) => `\n${renderSabotage(result)}`,
    // 0 where the damage was seen, 1 unseen, 2 unproven.
    exitCode: ({ verdict }) => (verdict === 'passed' ? exitCodes.done : exitCodes.unproven),
    found: { type: 'SabotageUnseen', in: readSabotageResult },
  });
}

function listKinds(asJson: boolean): void {
  const kinds = sabotageKindNames.map((name) => ({ name, ...sabotageKinds[name] }));
  if (asJson) printJson(kinds);
  else
    print(
      renderTable(
        kinds.map(({ name, stage, description }) => [name, stage, description]),
        ['KIND', 'STRIKES', 'WHAT IS BROKEN'],
      ),
    );
}
