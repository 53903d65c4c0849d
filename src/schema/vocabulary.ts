/**
 * The words that commands and workflow inputs take, as plain lists: the schemas are made of them, and so is the command line, whose help and
 * completion must not wait for zod to be loaded.
 */

/** Where a run can be told beforehand to wait. */
export const gates = ['restore', 'promote'] as const;

/** Where a recovery can be told to: also when its server takes writes, before it is stopped and handed over. */
export const recoverGates = [...gates, 'cutover'] as const;

/** Where a human can answer: also where a recovery waits because only a human can mend what stopped it. */
export const answerableGates = [...recoverGates, 'fix'] as const;

export const backupTypes = ['full', 'incremental', 'differential'] as const;

/** Which backups a drill can take first. */
export const drillBackups = ['none', ...backupTypes, 'full+incremental', 'full+differential'] as const;

/**
 * Which failure a drill rehearses (docs/scenarios.md).
 *
 * - `now`: the source is lost at this moment; restored to the fence and compared with it.
 * - `source-lost`: as `now`, but the source is not asked for anything: only what the repository holds counts.
 * - `oops`: a bad statement some time ago; restored to just before its commit.
 * - `old`: the oldest backup.
 * - `random`: a moment chosen by a seed.
 * - `longest-chain`: the fence, from the chain with the most links.
 * - `after-failover`: the fence, from a backup that is older than the newest timeline switch.
 */
export const scenarios = ['now', 'source-lost', 'oops', 'old', 'random', 'longest-chain', 'after-failover'] as const;

/** `rotate`: the one that was not proven for longest. */
export const scenarioRequests = [...scenarios, 'rotate'] as const;

/** Targets of a restore that has no fence. */
export const recoveryTargetForms =
  'latest, immediate, time=…, lsn=…, name=…, xid=… or before-xid=…, each also with ,timeline=…';

export const targetForms = `fence, ${recoveryTargetForms.replace('each', 'all but fence')}`;

/** Rows that a delete or an update has to hit at least to count as one that took much away, unless something else is said. */
export const defaultLeastRows = 1_000;
