import { withConnection } from '../../postgres/connection.js';
import type { StepContext } from '../../process/step-context.js';
import { sandboxConninfo } from '../../restore/sandbox.js';
import type { Expectation } from '../../schema/business-check.js';
import type { Check } from '../../schema/results.js';
import { attempt } from '../attempt.js';
import { type AskSandboxRequest, checkBusiness, checkNewest } from './business-checks.js';
import type { ClusterFingerprint } from '../fingerprint-schema.js';
import { listDatabases } from '../fence/take-fence.js';
import type { ValidateRequest } from '../validate.js';

/** Asks the restored cluster what the source was asked: the newest rows, and the business checks of the configuration. */
export async function askRestored(
  request: Pick<ValidateRequest, 'sandbox' | 'role' | 'connections' | 'capture' | 'business' | 'comparedAt'>,
  source: ClusterFingerprint | undefined,
  context: StepContext,
): Promise<Check[]> {
  const { connections, role, capture, business, comparedAt } = request;
  const connection = sandboxConninfo(request.sandbox, role);
  // By the superuser: at an older target the role may not be there yet, which leaves its questions unproven, and nothing else.
  const databases = await withConnection(sandboxConninfo(request.sandbox), listDatabases, { signal: context.signal });
  const asking: AskSandboxRequest = {
    connection,
    connections,
    checks: (business?.checks ?? []).filter(({ expect }) => comparedAt === undefined || !needsSource(expect)),
    database: business?.database ?? 'postgres',
    databases: databases.map(({ name }) => name),
    source: source?.business,
    asOf: capture?.fence.takenAt ?? business?.asOf,
  };
  const newest =
    comparedAt === undefined ? [await attempt('newest rows', context.signal, () => checkNewest(asking, context))] : [];
  return [...newest, ...(await checkBusiness(asking, context))];
}

/** Whether an answer means nothing without the source's. */
export function needsSource({ equals, rows }: Expectation): boolean {
  return equals !== undefined || rows !== undefined;
}
