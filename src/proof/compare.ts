import type { Check } from '../schema/results.js';
import { compareContent } from './content/compare-content.js';
import { compareGlobals, compareSchema } from './schema/compare-schema.js';
import { compareSequences } from './sequences/compare-sequences.js';
import { compareUnlogged } from './content/compare-unlogged.js';
import type { ClusterFingerprint } from './fingerprint-schema.js';

export interface CompareOptions {
  /** The LSN that recovery stopped at (`recovery_target_lsn`), for the sequences' rule. */
  cutLsn?: string;
  /** Seconds that reading the sandbox took: shown as the duration of the check `content`. The comparison itself takes none. */
  readSeconds?: number;
}

/**
 * Puts the source at the fence and the restored sandbox side by side.
 *
 * @returns the checks `content`, `unlogged`, `sequences`, `schema`, `globals`, in this order.
 */
export function compareFingerprints(
  source: ClusterFingerprint,
  restored: ClusterFingerprint,
  options: CompareOptions = {},
): Check[] {
  const seconds = options.readSeconds ?? 0;
  const content = compareContent(source, restored);
  return [
    { ...content, figures: { ...content.figures, seconds: Math.round(seconds * 1_000) / 1_000 }, seconds },
    { ...compareUnlogged(source, restored), seconds: 0 },
    { ...compareSequences(source, restored, options.cutLsn), seconds: 0 },
    { ...compareSchema(source, restored), seconds: 0 },
    { ...compareGlobals(source, restored), seconds: 0 },
  ];
}
