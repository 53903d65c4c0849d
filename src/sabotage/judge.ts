import { verdictOf } from '../report/build-evidence.js';
import { controlKind, type SabotageResult, type SabotageTrial, type TrialOutcome } from '../schema/sabotage.js';

/**
 * Judges one trial by the verdict that a drill of this copy gets, and by nothing else: red is good, but only where something was broken;
 * green only where the restore says that it mended the damage.
 * The unbroken copy has to be green.
 */
export function judgeTrial(outcome: TrialOutcome): SabotageTrial {
  const { kind, broke, failure, validation } = outcome;
  const base = { kind, ...(broke === undefined ? {} : { broke }) };
  const isControl = kind === controlKind;
  if (broke === undefined && !isControl) {
    const reason = `Nothing was broken: ${failure === undefined ? 'no reason is known' : `${failure.step}: ${firstLine(failure.message)}`}`;
    return { ...base, seenBy: [], verdict: 'unproven', reason };
  }
  const { verdict: drillVerdict, reasons } = verdictOf({ kind: 'drill', approvals: [], failure, validation });
  const judged = { ...base, drillVerdict, seenBy: drillVerdict === 'failed' ? seenBy(outcome) : [] };
  const because = reasons.join(' ');
  if (isControl) {
    return {
      ...judged,
      verdict: drillVerdict,
      reason: drillVerdict === 'passed' ? 'The unbroken copy passes.' : because,
    };
  }
  switch (drillVerdict) {
    case 'failed':
      return { ...judged, verdict: 'passed', reason: because };
    case 'passed':
      return judgeGreen(judged, outcome);
    case 'unproven':
      return { ...judged, verdict: 'unproven', reason: `The drill could not tell: ${because}` };
  }
}

/** A restore clears bits of a visibility map that cannot be right (src/restore/mend-visibility-maps.ts), and says so. */
const mendable = 'visibility-map-bit-sealed';

/** Green is right only where the restore itself has mended just this damage: whoever reads the drill hears of it. */
function judgeGreen(
  judged: Omit<SabotageTrial, 'verdict' | 'reason'>,
  { kind, broke, mended, validation }: TrialOutcome,
): SabotageTrial {
  const [sentence] = mended ?? [];
  if (kind !== mendable || sentence === undefined) {
    const reason = `The drill passed although ${broke ?? ''}.`;
    if (!comparesOnlyPart(validation)) return { ...judged, verdict: 'failed', reason };
    const part = 'By the policy of this cluster it compares only a part of the content: the damage may lie outside.';
    return { ...judged, verdict: 'unproven', reason: `${reason} ${part}` };
  }
  const seen = [{ by: 'step prepareRestore, which mended it', sentence }];
  return { ...judged, seenBy: seen, verdict: 'passed', reason: `The restore mended what was broken. ${sentence}` };
}

/** Whether `exclude` or `scope: sample` left something out (src/proof/content/coverage.ts). */
function comparesOnlyPart(validation: TrialOutcome['validation']): boolean {
  const { blocksRead, blocks, excluded } = validation?.checks.find(({ name }) => name === 'content')?.figures ?? {};
  return Number(excluded ?? 0) > 0 || Number(blocksRead ?? 0) < Number(blocks ?? 0);
}

function seenBy({ failure, validation }: TrialOutcome): SabotageTrial['seenBy'] {
  if (failure !== undefined) return [{ by: `step ${failure.step}`, sentence: firstLine(failure.message) }];
  return (validation?.checks ?? [])
    .filter(({ status }) => status === 'failed')
    .map(({ name, summary, problems }) => {
      const [first] = problems;
      return {
        by: `check ${name}`,
        sentence: first === undefined ? summary : `${summary} ${first.object}: ${first.detail}`,
      };
    });
}

/** The verdict over all trials, and why; the first sentence is the one to show. */
export function judgeSabotage(run: {
  control?: SabotageTrial | undefined;
  trials: readonly SabotageTrial[];
  leftOut: SabotageResult['leftOut'];
  /** Why it ended early. */
  failure?: string | undefined;
}): Pick<SabotageResult, 'verdict' | 'reasons'> {
  const { control, trials, leftOut, failure } = run;
  const of = (verdict: SabotageTrial['verdict']): SabotageTrial[] =>
    trials.filter((trial) => trial.verdict === verdict);
  const [unseen, unsure, seen] = [of('failed'), of('unproven'), of('passed')];
  const reasons = [
    ...unseen.map(({ kind, reason }) => `Sabotage "${kind}" went unseen. ${reason}`),
    ...(failure === undefined ? [] : [failure]),
    ...(control === undefined || control.verdict === 'passed'
      ? []
      : [`The unbroken copy does not pass, so a red drill would prove nothing. ${control.reason}`]),
    ...unsure.map(({ kind, reason }) => `Sabotage "${kind}" is unproven. ${reason}`),
  ];
  if (unseen.length > 0) return { verdict: 'failed', reasons };
  if (trials.length === 0 && reasons.length === 0) reasons.push('No kind of sabotage could be tried here.');
  if (reasons.length > 0) return { verdict: 'unproven', reasons };
  const without =
    leftOut.length === 0
      ? ''
      : ` ${leftOut.length} kinds could not be tried here: ${leftOut.map(({ kind }) => kind).join(', ')}.`;
  return {
    verdict: 'passed',
    reasons: [`Every sabotage was seen: ${seen.map(({ kind }) => kind).join(', ')}.${without}`],
  };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
