import { describeCandidate } from '../candidates/find-candidates.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { messageOf, UsageError } from '../errors.js';
import { listPastRestores } from '../estimate/past-restores.js';
import { trackRecordOf } from '../estimate/track-record.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { planRestore } from '../restore/plan.js';
import type { Candidate } from '../schema/candidate.js';
import { parseTarget } from '../schema/target.js';
import { recoveryTargetForms } from '../schema/vocabulary.js';
import type { RecoverGate } from '../schema/workflow-inputs.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { ask } from './ask.js';
import { candidatesOf } from './candidates.js';
import { confirm } from './confirm.js';
import { renderPlan } from './plan.js';
import { say } from './terminal.js';

/** What somebody at a terminal decided. */
export interface Guided {
  cluster: string;
  target: string;
  into: string;
  /** The restore was agreed to here; whether it is promoted is asked once it can be looked at. */
  gate: RecoverGate[];
}

/** So many are offered: more, and earlier ones, by `pgdrill candidates`. */
const mostCandidates = 5;
const lookBackMs = 24 * 3_600_000;

/**
 * Asks for what is missing (cluster, moment, directory), shows the plan with its estimate, and asks whether to start.
 *
 * @returns `declined` where it is not to be started.
 */
export async function guide(
  loaded: LoadedConfiguration,
  given: { cluster: string | undefined; target: string | undefined; into: string | undefined },
): Promise<Guided | 'declined'> {
  const known = Object.keys(loaded.configuration.clusters);
  const name = given.cluster ?? (await askFor(`Which cluster (${known.join(', ')})`, known[0] ?? ''));
  const cluster = clusterOf(loaded, name);
  const target = given.target ?? (await askTarget(await recentCandidates(() => candidatesOf(cluster, since()))));
  const into = given.into ?? (await askFor('Into which new directory', `/var/lib/postgresql/${name}-recovered`));
  const parsed = parseTarget(target);
  if (typeof parsed === 'string' || parsed.kind === 'fence') {
    throw new UsageError({
      what: typeof parsed === 'string' ? parsed : 'A recovery has no fence.',
      means: 'Nothing was started.',
      todo: `Targets are: ${recoveryTargetForms}.`,
    });
  }
  const repository = await openRepository(cluster);
  const newest = (await listBackups(repository)).at(-1);
  const major = newest === undefined ? undefined : Math.floor(newest.serverVersionNumber / 10_000);
  const tools = await ensurePostgres({ progress: say, major });
  const { walDirectory, wal } = cluster;
  const { signal } = new AbortController();
  const plan = await planRestore(tools, {
    ...{ repository, walDirectory, wal, target: parsed, fence: undefined },
    ...{ source: cluster.connection, signal },
  });
  const record = trackRecordOf((await listPastRestores(repository)).estimates);
  say(`\n${renderPlan(plan, record)}\n`);
  if (!(await confirm(`Restore ${name} to ${target} into ${into}?`, 'A recovery would be started.'))) return 'declined';
  return { cluster: name, target, into, gate: ['promote'] };
}

function since(): { since: Date } {
  return { since: new Date(Date.now() - lookBackMs) };
}

/** They only help to choose: what keeps them from being found must not keep anybody from recovering. */
async function recentCandidates(find: () => Promise<{ found: Candidate[] }>): Promise<Candidate[]> {
  say('looking for statements that took much away in the last 24 hours');
  try {
    return (await find()).found.slice(0, mostCandidates);
  } catch (error) {
    say(`none can be told: ${messageOf(error).split('\n', 1)[0] ?? ''}`);
    return [];
  }
}

async function askTarget(candidates: readonly Candidate[]): Promise<string> {
  for (const [index, each] of candidates.entries())
    say(`  ${index + 1}  before ${describeCandidate(each)}, committed ${each.committedAt}`);
  const numbers = candidates.length === 0 ? '' : `a number of these, `;
  const answer = await askFor(`Which moment (${numbers}${recoveryTargetForms})`, 'latest');
  const chosen = /^\d+$/.test(answer) ? candidates[Number(answer) - 1] : undefined;
  return chosen === undefined ? answer : `before-xid=${chosen.xid}`;
}

async function askFor(text: string, proposal: string): Promise<string> {
  const { answer = proposal } = (await ask([{ key: 'answer', text, proposal }])) ?? {};
  return answer;
}
