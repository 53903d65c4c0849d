import type { StepContext } from '../process/step-context.js';
import type { BusinessCheck } from '../schema/business-check.js';
import type { KnownFence } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { attempt } from './attempt.js';
import { askRestored, needsSource } from './business/ask-restored.js';
import { compareWithSource } from './compare-restored.js';
import type { ClusterFingerprint } from './fingerprint-schema.js';
import { openKeptChecks } from './kept-checks.js';
import { type Found, inBounds, type ValidateRequest } from './validate.js';

/** By hot standby rules this cannot be read before the server is open; there `validateRestore` looks at it. */
const afterwards = 'unlogged';

/**
 * Compares a server that is paused at a recorded fence with what an earlier drill read of the source there: content, schemas, roles,
 * sequences, and the business checks that were asked then. The source is not asked, and the server stays as it is: replay can go on from here.
 *
 * @param request.checks the business checks of the configuration: those that the source was never asked are named.
 */
export async function compareAtFence(
  tools: PostgresTools,
  request: Pick<ValidateRequest, 'repository' | 'sandbox' | 'role' | 'connections'> & {
    capture: KnownFence;
    checks: readonly BusinessCheck[];
  },
  context: StepContext,
): Promise<Found> {
  const { sandbox, capture, repository } = request;
  const kept = await openKeptChecks(sandbox, capture, context);
  const found: Found = { checks: [], notCompared: [] };
  let source: ClusterFingerprint | undefined;
  const content = await attempt('content', context.signal, async () => {
    const compared = await compareWithSource(tools, request, kept, context);
    source = compared.source;
    return compared;
  });
  if ('checks' in content) {
    found.checks.push(...content.checks.filter(({ name }) => name !== afterwards));
    found.notCompared.push(...content.notCompared, ...neverAsked(request.checks, source));
  } else found.checks.push(content);
  if (source !== undefined) found.checks.push(...(await askRestored(request, source, context)));
  const at = capture.fence.lsn;
  const located = found.checks.map((check) => ({ ...check, at }));
  return await inBounds({ repository, sandbox }, { ...found, checks: located }, 'problems-at-fence.json');
}

function neverAsked(checks: readonly BusinessCheck[], source: ClusterFingerprint | undefined): string[] {
  const asked = new Set(source?.business?.replies.map(({ check }) => check.name));
  return checks
    .filter(({ name, expect }) => needsSource(expect) && !asked.has(name))
    .map(({ name }) => `business check ${name}: the drill that recorded the fence did not ask the source`);
}
