import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
} from '@temporalio/client';

import { type ExitCode, exitCodes } from '../errors.js';
import { type DrillResult, drillResultSchema } from '../schema/evidence.js';
import { type SabotageResult, sabotageResultSchema } from '../schema/sabotage.js';
import { type VerificationResult, verificationResultSchema } from '../schema/verification.js';

/** How a workflow ended other than by completing. */
export interface WorkflowEnding {
  type: string;
  message: string;
  exitCode: ExitCode;
  /** The drill's result, where it got far enough to have one. */
  result?: DrillResult;
}

/** Reads what the workflows put into their failures (workflows/drill.ts). Errors of any other kind are thrown on. */
export function readEnding(error: unknown): WorkflowEnding {
  if (!(error instanceof WorkflowFailedError)) throw error;
  // A step that failed for good: what it said lies inside Temporal's own "Activity task failed".
  const cause = error.cause instanceof ActivityFailure ? error.cause.cause : error.cause;
  if (cause instanceof ApplicationFailure) {
    const detail: unknown = cause.details?.[0];
    const exitCode = exitCodeOf(detail);
    const result = drillResultSchema.safeParse(
      typeof detail === 'object' && detail !== null && 'result' in detail ? detail.result : undefined,
    );
    return {
      type: cause.type ?? 'Error',
      message: cause.message,
      exitCode,
      ...(result.success ? { result: result.data } : {}),
    };
  }
  if (cause instanceof CancelledFailure)
    return {
      type: 'Cancelled',
      message: 'It was cancelled; what it had made was removed.',
      exitCode: exitCodes.unproven,
    };
  if (cause instanceof TerminatedFailure) {
    return {
      type: 'Terminated',
      message: 'It was terminated: it had no chance to clean up, so a sandbox may be left over.',
      exitCode: exitCodes.failed,
    };
  }
  if (cause instanceof TimeoutFailure)
    return { type: 'Timeout', message: 'It took longer than its time-out allows.', exitCode: exitCodes.failed };
  return { type: 'Error', message: cause?.message ?? error.message, exitCode: exitCodes.failed };
}

/** The result that a sabotage drill put into its failure, where it got far enough to have one (workflows/sabotage-drill.ts). */
export function readSabotageResult(error: unknown): SabotageResult | undefined {
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  const detail: unknown = cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
  const result = typeof detail === 'object' && detail !== null && 'result' in detail ? detail.result : undefined;
  return sabotageResultSchema.safeParse(result).data;
}

/** The result that a verification put into its failure: what it found (workflows/verify-repository.ts). */
export function readVerificationResult(error: unknown): VerificationResult | undefined {
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  const detail: unknown = cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
  const result = typeof detail === 'object' && detail !== null && 'result' in detail ? detail.result : undefined;
  return verificationResultSchema.safeParse(result).data;
}

function exitCodeOf(detail: unknown): ExitCode {
  const code = typeof detail === 'object' && detail !== null && 'exitCode' in detail ? detail.exitCode : undefined;
  return Object.values(exitCodes).find((known) => known === code) ?? exitCodes.failed;
}
