import { bytes, count } from '../schema/figures.js';
import { openFindings, type RepositoryFinding, type VerificationResult } from '../schema/verification.js';
import { colors } from './terminal.js';

const marks = { error: colors.red('error'), warning: colors.yellow('warning'), note: 'note' };

/** What a verification found, the worst first, and how much it looked at. */
export function renderVerification(result: VerificationResult): string {
  const { findings, moreFindings, verified, notLookedAt, reportPath, warnings } = result;
  const open = openFindings(findings).length;
  return [
    ...findings.map(describe),
    ...(moreFindings === 0 ? [] : [`and ${moreFindings} more findings: see the report`]),
    ...notLookedAt.map((sentence) => `${colors.yellow('Not looked at')}: ${sentence}`),
    ...warnings.map((warning) => `${colors.yellow('Warning')}: ${warning}`),
    `${verified.backups} backups (${count(verified.backupFiles)} files, ${bytes(verified.backupBytes)}), ${count(verified.walSegments)} WAL segments (${bytes(verified.walBytes)}), ${verified.timelineHistories} timeline histories, ${verified.evidence} drills.`,
    open === 0
      ? colors.green('Nothing was found that is not acknowledged.')
      : colors.red(`${open + moreFindings} findings that nobody has acknowledged.`),
    `Report: ${reportPath}`,
  ].join('\n');
}

function describe({ id, level, what, means, todo, acknowledged }: RepositoryFinding): string {
  if (acknowledged !== undefined) {
    const { by, at, reason } = acknowledged;
    return `acknowledged ${id}\n  ${what}\n  By ${by} on ${at.slice(0, 10)}: ${reason}`;
  }
  return `${marks[level]} ${id}\n  ${what}${level === 'note' ? '' : `\n  Meaning: ${means}\n  To do: ${todo}`}`;
}
