import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import { applyFixes, examine } from '../doctor/doctor.js';
import { type ExitCode, exitCodes, messageOf, PgdrillError } from '../errors.js';
import { parseConninfo } from '../postgres/conninfo.js';
import { standaloneContext } from '../process/step-context.js';
import type { Finding } from '../schema/results.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { sayWhereToStart } from './where-to-start.js';
import { colors, print, printJson, say, tint } from './terminal.js';

export async function doctor(
  name: string | undefined,
  options: { fix?: boolean; as?: string },
  command: Command,
): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const asJson = globalOptions(command).json === true;
  const names = name === undefined ? Object.keys(loaded.configuration.clusters) : [name];
  const reports: { cluster: string; findings: Finding[]; fixed?: { done: string[]; left: string[] } }[] = [];
  let code: ExitCode = exitCodes.done;
  for (const each of names) {
    const cluster = clusterOf(loaded, each);
    try {
      const fixed =
        options.fix === true
          ? await applyFixes(cluster, { ...cluster.connection, ...parseConninfo(options.as ?? '') })
          : undefined;
      const findings = await examine(cluster, standaloneContext(`doctor ${each}`));
      reports.push({ cluster: each, findings, ...(fixed === undefined ? {} : { fixed }) });
      if (findings.some(({ level }) => level === 'error')) code = exitCodes.failed;
    } catch (error) {
      if (!(error instanceof PgdrillError) || names.length === 1) throw error;
      reports.push({
        cluster: each,
        findings: [{ name: 'connection', level: 'error', message: messageOf(error) }],
      });
      code = exitCodes.failed;
    }
  }
  if (asJson) printJson(reports);
  else for (const report of reports) show(report);
  await sayWhereToStart(loaded, names);
  return code;
}

function show({
  cluster,
  findings,
  fixed,
}: {
  cluster: string;
  findings: Finding[];
  fixed?: { done: string[]; left: string[] };
}): void {
  for (const line of fixed?.done ?? []) say(`${colors.green('done')}  ${line}`);
  for (const line of fixed?.left ?? []) say(`${colors.yellow('to do')} ${line}`);
  print(
    `${colors.bold(cluster)}\n${renderTable(findings.map(({ name, level, message }) => [`  ${name}`, tint(level), message]))}`,
  );
  const fixes = findings.filter(({ level, fix }) => level !== 'ok' && fix !== undefined);
  if (fixes.length === 0) return;
  print(
    `\nWhat to do:\n${fixes.map(({ fix = '', needsRestart }) => `  ${fix}${isSql(fix) && needsRestart === true ? '  -- takes effect after a restart' : ''}`).join('\n')}`,
  );
  if (fixes.some(({ level, fix = '' }) => level === 'error' && isSql(fix))) {
    print(`\nOr let pgdrill do it: pgdrill doctor ${cluster} --fix --as user=postgres`);
  }
}

function isSql(fix: string): boolean {
  return /^(alter|grant|revoke|create|reassign) /.test(fix);
}
