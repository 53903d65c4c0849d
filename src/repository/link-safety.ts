import { codeOf, messageOf } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { type Damage, findDamage } from './link-damage.js';
import { type ForkId, keyOfFork } from './relation-files.js';
import { nameRelations } from './relation-names.js';
import { firstGap, listWalSummaries, type LsnRange, type WalSummary } from './wal-summaries.js';

/** A backup and where its `data` directory lies. Links in `pg_tblspc` are followed. */
export interface LinkedBackup {
  record: Pick<BackupRecord, 'id' | 'timeline' | 'startLsn'>;
  dataDirectory: string;
}

export interface LinkRequest {
  /** To the source. Needs no more than pg_monitor, and to connect to a database only to call its relations by name. */
  connection: Conninfo;
  /** What the new incremental builds on: the full backup first, the parent last. */
  chain: readonly LinkedBackup[];
  incremental: LinkedBackup;
}

export type LinkJudgement = { safe: true } | { safe: false; reasons: string[] };

/** So many relations are named in the reasons; the rest are counted. */
const maxNamed = 20;

/**
 * Whether a new incremental backup can be trusted, as far as the source and the files tell: PostgreSQL's own incremental backups can be
 * silently wrong (docs/postgresql-incremental-faults.md). Exact where it can be: it looks at what pg_combinebackup will do with
 * the files that were really written, not at what may have gone wrong.
 *
 * Unsafe are: a promotion in between; WAL summaries that are gone, so that nobody can tell; blocks that were written but are not in the
 * backup, or that come back from an older one though they were truncated away; a visibility map with bits beyond the table's end.
 *
 * @returns reasons as sentences for people.
 * @throws UnreachableError when the source does not answer, RepositoryError when a file of the chain is missing or damaged.
 */
export async function judgeLink(request: LinkRequest, signal: AbortSignal): Promise<LinkJudgement> {
  const parent = request.chain.at(-1);
  if (parent === undefined) return { safe: true };
  const { record } = request.incremental;
  const reasons: string[] = [];
  if (parent.record.timeline !== record.timeline) {
    reasons.push(
      `The server was promoted between ${parent.record.id} and ${record.id} (timeline ${parent.record.timeline} → ${record.timeline}): the older timeline's WAL summaries are merged behind the newer one's, and can cover WAL that was never replayed.`,
    );
  }
  const range = { from: parent.record.startLsn, to: record.startLsn };
  const findings = await withConnection(
    request.connection,
    async (client) => {
      const summaries = await readableSummaries(client, range);
      if (typeof summaries === 'string') return summaries;
      if (parent.record.timeline === record.timeline) {
        const gap = firstGap(ofTimeline(summaries, record.timeline), range);
        if (gap !== undefined) return describeGap(gap, range);
      }
      // Beside a promotion, only those of the timeline that both backups lie on were used by the server.
      const used = reasons.length > 0 ? summaries : ofTimeline(summaries, record.timeline);
      const directories = request.chain.map(({ dataDirectory }) => dataDirectory);
      return await findDamage(client, [...directories, request.incremental.dataDirectory], used, signal);
    },
    { signal },
  ).catch((error: unknown) => {
    // The server removed a summary while it was read.
    if (codeOf(error) === '58P01') return describeGap(range, range);
    throw error;
  });
  if (typeof findings === 'string') reasons.push(findings);
  else reasons.push(...(await describeDamage(request.connection, findings, signal)));
  return reasons.length === 0 ? { safe: true } : { safe: false, reasons };
}

function ofTimeline(summaries: readonly WalSummary[], timeline: number): WalSummary[] {
  return summaries.filter((summary) => summary.timeline === timeline);
}

async function readableSummaries(client: Connection, range: LsnRange): Promise<WalSummary[] | string> {
  try {
    return await listWalSummaries(client, range);
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    return `The WAL summaries could not be read (${messageOf(error)}): grant execute on function pg_available_wal_summaries(), pg_wal_summary_contents(bigint, pg_lsn, pg_lsn) to our role.`;
  }
}

function describeGap(gap: LsnRange, range: LsnRange): string {
  return `The server no longer has the WAL summaries from ${gap.from} to ${gap.to} (of ${range.from} to ${range.to}): nobody can tell whether the backup holds every block that changed. Raise wal_summary_keep_time.`;
}

async function describeDamage(connection: Conninfo, damage: Damage, signal: AbortSignal): Promise<string[]> {
  const forks = [...damage.blocks.map(({ fork }) => fork), ...damage.maps.map(({ fork }) => fork)];
  const names = await nameRelations(connection, forks, signal);
  const nameOf = (fork: ForkId): string => names.get(keyOfFork(fork)) ?? keyOfFork(fork);
  const sentences = [
    ...damage.blocks.map(({ fork, limitBlocks, wrong }) => {
      const { lost, revived } = wrong;
      const what = [
        ...(lost.length > 0 ? [`${lost.length} blocks written since are not in the backup (rows would be lost)`] : []),
        ...(revived.length > 0
          ? [`${revived.length} empty blocks would come from an older backup (deleted rows would be back)`]
          : []),
      ].join(', and ');
      const when = limitBlocks === Infinity ? 'earlier in the chain' : `to ${limitBlocks} blocks since the last backup`;
      const map = fork.fork === 'vm' ? 'the visibility map of ' : '';
      return `${capitalize(`${map}${nameOf(fork)}`)} was truncated ${when} and has grown again: ${what}.`;
    }),
    ...damage.maps.map(
      ({ fork, limitBlocks }) =>
        `${capitalize(nameOf(fork))} was truncated to ${limitBlocks} blocks, and its visibility map in the backup still has bits beyond: once it grows again, index-only scans would show deleted rows. Turn on wal_log_hints or data checksums.`,
    ),
  ];
  sentences.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const hidden = sentences.length - maxNamed;
  return hidden <= 0 ? sentences : [...sentences.slice(0, maxNamed), `And ${hidden} more relations, in the same ways.`];
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
