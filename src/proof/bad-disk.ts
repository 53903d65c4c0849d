import { ioErrorIn } from '../files/io-error.js';
import type { Check, Sandbox } from '../schema/results.js';

/**
 * A check that failed because the sandbox's disk did not give back what was restored there has seen no damage of the backup.
 *
 * @throws StorageError for such a check.
 */
export function refuseBadDisk(checks: readonly Check[], { dataDirectory }: Pick<Sandbox, 'dataDirectory'>): void {
  for (const { status, problems } of checks) {
    const found = status === 'failed' ? problems.filter(({ detail }) => !detail.includes('on the source')) : [];
    const failing = ioErrorIn(found.map(({ detail }) => detail).join('\n'), dataDirectory);
    if (failing !== undefined) throw failing;
  }
}
