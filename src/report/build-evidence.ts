import type { ResolvedCluster } from '../configuration/cluster.js';
import { formatName, formatTableName } from '../extract/table-name.js';
import { judgeEstimate } from '../estimate/estimate-restore.js';
import { judge } from '../proof/verdict.js';
import type { DrillResult, Evidence } from '../schema/evidence.js';
import { seconds } from '../schema/figures.js';
import type { Extracted, TableName } from '../schema/extraction.js';
import type { HandOver } from '../schema/hand-over.js';
import {
  type Approval,
  type Capture,
  type Finding,
  type Opened,
  type Plan,
  type Prepared,
  type Replay,
  standingApprovals,
  type Validation,
  type Verdict,
} from '../schema/results.js';
import type { ChosenScenario } from '../schema/scenario.js';
import { shellQuoted } from '../schema/shell-word.js';
import { beyondFence, describeWay, detourOf, notComparedBeyond } from './beyond-fence.js';
import { judgeObjectives, readClock } from './clock.js';

/** Everything that a drill or recovery knows when it is over, however it ended. */
export interface Outcome {
  id: string;
  kind: Evidence['kind'];
  workflowId: string;
  runId: string;
  startedAt: string;
  finishedAt: string;
  /** The workflow's input with its defaults filled in. */
  input: Record<string, unknown>;
  findings: Finding[];
  scenario?: ChosenScenario | undefined;
  capture?: Capture | undefined;
  plan?: Plan | undefined;
  prepared?: Prepared | undefined;
  replay?: Replay | undefined;
  /** What was compared at a recorded fence on the way to the target. */
  atFence?: Validation | undefined;
  /** The target that the restore was taken on to at a gate. */
  movedTo?: string | undefined;
  opened?: Opened | undefined;
  validation?: Validation | undefined;
  handOver?: HandOver | undefined;
  extracted?: Extracted | undefined;
  approvals: Approval[];
  /** A step that failed for good: which one, and its sentence. */
  failure?: { step: string; type: string; message: string } | undefined;
}

/** Steps that work on the backup alone: where one of them fails for a reason in the repository or the sandbox, it did not restore. */
const restoreSteps = ['planRestore', 'prepareRestore', 'replayWal', 'openSandbox', 'validateRestore'];
const damage = ['RepositoryError', 'SandboxError', 'ToolError'];

/**
 * The verdict over an outcome. A backup that cannot be restored has failed; a drill that was stopped, or that could not look, proves
 * nothing and is `unproven`.
 */
export function verdictOf(
  outcome: Pick<Outcome, 'kind' | 'approvals' | 'failure' | 'plan' | 'replay'> & {
    atFence?: Pick<Validation, 'checks'> | undefined;
    validation?: Pick<Validation, 'checks'> | undefined;
  },
): { verdict: Verdict; reasons: string[] } {
  // At gate `fix` somebody gives up because of a failure: that is the reason.
  const stopped = outcome.approvals.find(({ gate, decision }) => gate !== 'fix' && decision !== 'approved');
  if (stopped?.decision === 'rejected') {
    return {
      verdict: 'unproven',
      reasons: [
        `Rejected at gate ${stopped.gate} by ${stopped.by}${stopped.reason === '' ? '' : `: ${stopped.reason}`}.`,
      ],
    };
  }
  if (stopped?.decision === 'expired') {
    const some = standingApprovals(stopped.answers ?? []).length > 0;
    return {
      verdict: 'unproven',
      reasons: [
        some
          ? `Too few approved at gate ${stopped.gate} in time: ${stopped.reason}.`
          : `Nobody answered at gate ${stopped.gate} in time.`,
      ],
    };
  }
  if (outcome.failure !== undefined) {
    const { step, type, message } = outcome.failure;
    const verdict = restoreSteps.includes(step) && damage.includes(type) ? 'failed' : 'unproven';
    return { verdict, reasons: [`${step}: ${message.split('\n')[0] ?? message}`] };
  }
  if (outcome.kind !== 'drill')
    return {
      verdict: 'unproven',
      reasons: [`${outcome.kind === 'recovery' ? 'A recovery' : 'An extraction'} is not compared with its source.`],
    };
  const checks = [...(outcome.atFence?.checks ?? []), ...(outcome.validation?.checks ?? [])];
  const judged = judge(checks);
  const way = describeWay(outcome);
  return judged.verdict !== 'passed' || way === undefined ? judged : { ...judged, reasons: [way, ...judged.reasons] };
}

/** The evidence of an outcome, in the shape that is published (src/schema/evidence.ts). */
export function buildEvidence(
  outcome: Outcome,
  cluster: Pick<ResolvedCluster, 'name' | 'objectives'>,
  versions: Evidence['versions'],
  host?: string,
): Evidence {
  const clock = readClock(outcome);
  const { verdict, reasons } = verdictOf(outcome);
  const { capture, plan, replay, scenario } = outcome;
  const onTheWay = outcome.atFence === undefined ? undefined : plan?.onTheWay;
  const recorded = plan?.recorded ?? onTheWay?.recorded;
  const known = recorded ?? capture;
  const beyond = beyondFence(outcome);
  return {
    formatVersion: 1,
    id: outcome.id,
    kind: outcome.kind,
    cluster: cluster.name,
    workflowId: outcome.workflowId,
    runId: outcome.runId,
    startedAt: outcome.startedAt,
    finishedAt: outcome.finishedAt,
    ...(host === undefined ? {} : { host }),
    verdict,
    reasons,
    input: outcome.input,
    rerun: rerunCommand(outcome, cluster.name),
    ...(scenario === undefined ? {} : { scenario }),
    ...(plan === undefined ? {} : { target: plan.target }),
    ...(known === undefined ? {} : { fence: known.fence, fingerprint: known.fingerprint }),
    ...(recorded === undefined ? {} : { fenceOf: recorded.drill }),
    ...(beyond === undefined ? {} : { beyond }),
    ...(capture === undefined ? {} : { rpo: capture.rpo }),
    chain: plan?.chain ?? [],
    ...(outcome.prepared === undefined ? {} : { restoredBytes: outcome.prepared.restoredBytes }),
    ...(replay === undefined ? {} : { replay: replayOf(replay) }),
    clock,
    ...(plan?.estimate === undefined || clock.rtoSeconds === undefined
      ? {}
      : { estimate: judgeEstimate(plan.estimate, clock.rtoSeconds) }),
    objectives: judgeObjectives(cluster.objectives, clock.rtoSeconds, capture?.rpo),
    checks: [...(outcome.atFence?.checks ?? []), ...(outcome.validation?.checks ?? [])],
    notCompared: [
      ...notComparedBeyond(outcome),
      ...(outcome.atFence?.notCompared ?? []),
      ...(outcome.validation?.notCompared ?? []),
    ],
    approvals: outcome.approvals,
    findings: [
      ...outcome.findings,
      ...(plan?.warnings ?? []).map((message): Finding => ({ name: 'repository', level: 'warning', message })),
      ...(outcome.opened?.findings ?? []),
      ...lossOf(outcome),
      ...detourOf(outcome),
    ],
    ...(outcome.handOver === undefined ? {} : { handOver: outcome.handOver }),
    ...(outcome.extracted === undefined ? {} : { extracted: outcome.extracted }),
    versions,
  };
}

/** Where the source was not asked, its losses cannot be counted; what survived bounds them. */
function lossOf({ scenario, plan, replay }: Outcome): Finding[] {
  if (scenario?.name !== 'source-lost' || plan === undefined || replay?.lastCommitAt === undefined) return [];
  const lost = Math.max(0, (Date.parse(plan.orderedAt) - Date.parse(replay.lastCommitAt)) / 1_000);
  return [
    {
      name: 'recovery point',
      level: 'ok',
      message: `The last commit that survived is of ${replay.lastCommitAt}: commits of at most the last ${seconds(lost)} before the order were lost (by the clocks of source and repository).`,
    },
  ];
}

function replayOf({ samples, ...replay }: Replay): NonNullable<Evidence['replay']> {
  return { ...replayFigures(replay), ...(samples === undefined ? {} : { samples }) };
}

/** Without the samples: the workflow's history does not need them twice. */
function replayFigures({
  paused,
  reachedLsn,
  lastCommitAt,
  replayedBytes,
}: Omit<Replay, 'phases'>): Omit<Replay, 'phases' | 'samples'> {
  return { paused, reachedLsn, replayedBytes, ...(lastCommitAt === undefined ? {} : { lastCommitAt }) };
}

/** The short form of the evidence, for the workflow's result and the command line. */
export function toDrillResult(
  evidence: Evidence,
  evidencePath: string | undefined,
  warnings: string[],
  beside: { report?: string | undefined; handOver?: string | undefined } = {},
): DrillResult {
  const { clock, rpo, fence, fenceOf, beyond, replay, estimate, scenario } = evidence;
  return {
    id: evidence.id,
    cluster: evidence.cluster,
    verdict: evidence.verdict,
    reasons: evidence.reasons,
    checks: evidence.checks,
    chain: evidence.chain,
    approvals: evidence.approvals,
    objectives: evidence.objectives,
    notCompared: evidence.notCompared,
    ...(clock.rtoSeconds === undefined ? {} : { rtoSeconds: clock.rtoSeconds }),
    ...(clock.rtoToProvenSeconds === undefined ? {} : { rtoToProvenSeconds: clock.rtoToProvenSeconds }),
    waitedForHumansSeconds: clock.waitedForHumansSeconds,
    phases: clock.phases,
    ...(estimate === undefined ? {} : { estimate }),
    ...(rpo === undefined ? {} : { rpo }),
    target: evidence.target?.requested ?? textOf(evidence.input['target']),
    ...(scenario === undefined ? {} : { scenario }),
    ...(fence === undefined ? {} : { fence }),
    ...(fenceOf === undefined ? {} : { fenceOf }),
    ...(beyond === undefined ? {} : { beyond }),
    ...(replay === undefined ? {} : { replay: replayFigures(replay) }),
    ...(evidencePath === undefined ? {} : { evidencePath }),
    ...(beside.report === undefined ? {} : { reportPath: beside.report }),
    ...(beside.handOver === undefined ? {} : { handOverPath: beside.handOver }),
    warnings,
  };
}

/**
 * A drill of a fence is run again at the same LSN, from the same backups, as long as they are kept; there it is compared with the same
 * fingerprint. What a scenario chose is named, since it would choose anew.
 */
function rerunCommand(outcome: Outcome, cluster: string): string {
  const target = outcome.movedTo ?? outcome.scenario?.target ?? textOf(outcome.input['target']);
  const same = target === 'fence' && outcome.capture !== undefined ? `lsn=${outcome.capture.fence.lsn}` : target;
  const chain = outcome.scenario?.chain ?? textOf(outcome.input['chain']);
  if (outcome.scenario?.name === 'source-lost') return `pgdrill drill ${cluster} --scenario source-lost`;
  if (outcome.scenario?.statement !== undefined)
    return `pgdrill drill ${cluster} --scenario oops --xid ${outcome.scenario.statement.xid}`;
  if (outcome.kind === 'extraction') return rerunExtraction(cluster, outcome.input, target);
  return outcome.kind === 'drill'
    ? `pgdrill drill ${cluster} --target ${shellQuoted(same)}${chain === '' ? '' : ` --chain ${shellQuoted(chain)}`}`
    : `pgdrill recover ${cluster} --into ${shellQuoted(textOf(outcome.input['into']))} --target ${shellQuoted(same)}`;
}

function rerunExtraction(cluster: string, input: Record<string, unknown>, target: string): string {
  const tables = (input['tables'] ?? []) as TableName[];
  const database = textOf(input['database']);
  const what =
    tables.length === 0
      ? [`--database ${shellQuoted(database)}`]
      : tables.map((table) => `--table ${shellQuoted(`${formatName(database)}.${formatTableName(table)}`)}`);
  return `pgdrill recover ${cluster} ${what.join(' ')} --into ${shellQuoted(textOf(input['into']))} --target ${shellQuoted(target)}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
