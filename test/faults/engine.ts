import { type WorkflowHandle } from '@temporalio/client';
import { expect } from 'vitest';

import { readEnding } from '../../src/client/failures.js';
import { leftovers } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { evidenceOf } from './evidence-of.js';
import type { Ended, Ending, Fault } from './fault.js';
import { activitiesOf, type Recorded } from './history.js';
import type { Cell } from './matrix.js';
import type { Row } from './rows.js';
import { Scene } from './scene.js';
import { expectNothingHeld, portraitOf } from './source.js';
import { type FragileTemporal, startFragileTemporal } from './temporal-server.js';

/** Plays one cell of the matrix: brings the step to its middle, strikes, and looks at everything when it is over. */
export async function play({ row, fault }: Cell, shared: FragileTemporal): Promise<void> {
  const temporal = fault.ownTemporal === true ? await startFragileTemporal() : shared;
  try {
    const scene = await Scene.set(temporal, row, fault.props?.(row) ?? {});
    try {
      await act(scene, fault);
    } finally {
      await scene.strikeSet();
    }
  } finally {
    if (temporal !== shared) await temporal.stop();
  }
}

async function act(scene: Scene, fault: Fault): Promise<void> {
  const { row, shop } = scene;
  // After a failover it is another server, with settings of its own.
  const portrait = async (): Promise<object> => {
    const { settings, ...rest } = await portraitOf(shop);
    return scene.standby === undefined ? { settings, ...rest } : rest;
  };
  const before = await portrait();
  const point = fault.point(row);
  if (point !== undefined) scene.arm(point);
  scene.handle = await scene.start(row.input, fault.workflowTimeoutMs);
  let barrier = '';
  if (point === undefined) await scene.atGate();
  else barrier = await scene.reached(point);
  await fault.strike(scene, barrier);
  const ending = fault.ending?.(row) ?? 'as ever';
  if (point === undefined && ending === 'as ever')
    await scene.handle.signal('approve', { gate: 'promote', by: 'the test' });

  const ended = await endOf(scene.handle);
  expectEnding(ended, ending);
  await scene.disk?.makeRoom();
  scene.disk?.setReadOnly(false);
  scene.badDisk?.mend();
  await fault.afterwards?.(scene, ended);
  expect(await portrait(), 'the source').toEqual(before);
  await expectNothingHeld(shop);

  const activities = await activitiesOf(scene.handle);
  expectAttempts(activities, row, fault);
  await expectFigures(scene, fault, ended, activities, ending);

  const name = runNameOf(scene.handle);
  const left = (): Promise<string[]> => leftovers(shop, name === undefined ? [] : [name]);
  if (fault.leavesToJanitor === true)
    await eventually('the janitor', async () => {
      await scene.sweep();
      return (await left()).length === 0 ? true : undefined;
    });
  // Whatever a worker has not finished would show now.
  for (const worker of scene.workers) await worker.kill('SIGTERM');
  expect(await left(), 'left behind').toEqual([]);
}

/** How a directory of this run is called. */
function runNameOf({
  workflowId,
  firstExecutionRunId,
}: WorkflowHandle & { firstExecutionRunId?: string }): string | undefined {
  return firstExecutionRunId === undefined ? undefined : `${workflowId}-${firstExecutionRunId.slice(0, 8)}`;
}

async function endOf(handle: WorkflowHandle): Promise<Ended> {
  try {
    const result = (await handle.result()) as Ended['result'] & object;
    return { status: 'COMPLETED', result };
  } catch (error) {
    const { type, message, result } = readEnding(error);
    const { status } = await handle.describe();
    return { status: status.name, failure: { type, message }, ...(result === undefined ? {} : { result }) };
  }
}

function expectEnding(ended: Ended, ending: Ending): void {
  const why = `${ended.failure?.message ?? ''} ${JSON.stringify(ended.result ?? {})}`.slice(0, 3_000);
  if (ending === 'as ever') {
    expect(ended, why).toMatchObject({ status: 'COMPLETED' });
    if (ended.result?.verdict !== undefined) expect(ended.result).toMatchObject({ verdict: 'passed' });
    if (ended.result?.outcome !== undefined) expect(ended.result).toMatchObject({ outcome: 'recovered' });
  } else if (typeof ending === 'string') {
    expect(ended, why).toMatchObject({ status: ending === 'timed out' ? 'TIMED_OUT' : ending.toUpperCase() });
  } else {
    expect(ended, why).toMatchObject({ status: 'FAILED', failure: { type: ending.failed } });
    expect(ended.failure?.message).toMatch(/Meaning: [^]*To do: /);
  }
}

/** The struck step needed as many attempts as it may; no other needed a second one, unless the fault says why it may. */
function expectAttempts(activities: readonly Recorded[], row: Row, fault: Fault): void {
  const [least, most] = fault.attempts(row);
  const [struck] = activities.filter(({ activity }) => activity === row.activity);
  if (row.activity !== undefined) {
    expect(struck, `${row.activity} in the history`).toBeDefined();
    expect(struck!.attempt, `attempts of ${row.activity}, after: ${struck!.lastFailure}`).toBeGreaterThanOrEqual(least);
    expect(struck!.attempt, `attempts of ${row.activity}, after: ${struck!.lastFailure}`).toBeLessThanOrEqual(most);
  }
  const others = activities
    .filter((each) => each !== struck && each.attempt > 1)
    .filter(({ lastFailure }) => fault.repeatsOthers?.(row)?.test(lastFailure) !== true)
    .map(({ activity, attempt, lastFailure }) => `${activity}, attempt ${attempt}, after: ${lastFailure}`);
  expect(others, 'other steps that were tried again').toEqual([]);
}

/** The clock, against Temporal's own history: a crash neither shortens it nor counts anything twice. */
async function expectFigures(
  scene: Scene,
  fault: Fault,
  { result }: Ended,
  activities: readonly Recorded[],
  ending: Ending,
): Promise<void> {
  if (scene.row.workflow === 'backup') return;
  const evidence = await evidenceOf(scene);
  if (evidence === undefined) {
    // Where nothing can be written there is none; everywhere else there always is.
    const neverWritten = fault.leavesToJanitor === true || scene.disk !== undefined || scene.badDisk !== undefined;
    expect(neverWritten && ending !== 'as ever', 'no evidence').toBe(true);
    return;
  }
  const { clock } = evidence;
  if (ending === 'as ever') expect(result?.rtoSeconds).toBe(clock.rtoSeconds);
  else if (scene.row.workflow === 'drill') {
    // A run that is ended from outside writes none: what there is was judged before, and stands.
    const judged = fault.leavesToJanitor === true ? 'passed' : 'unproven';
    expect(evidence.verdict).toBe(typeof ending === 'string' ? judged : (ending.verdict ?? 'unproven'));
    if (judged !== 'passed') expect(evidence.reasons[0]).toMatch(/^(?!undefined)\w.*: \w/);
  }
  const ordered = activities.find(({ activity }) => activity === 'planRestore');
  const opened = activities.findLast(({ activity }) => activity === 'openSandbox');
  if (fault.clockIsOff === true || clock.rtoSeconds === undefined || ordered === undefined || opened === undefined) {
    expect(clock.rtoSeconds !== undefined || ending !== 'as ever' || fault.clockIsOff === true, 'an RTO').toBe(true);
    return;
  }
  const tolerance = 0.1;
  // What waits behind it does not count.
  const waited = scene.row.activity === 'handOver' ? 0 : clock.waitedForHumansSeconds;
  const least = opened.startedAt - ordered.scheduledAt - waited;
  const most = opened.endedAt - ordered.scheduledAt - waited;
  expect(clock.rtoSeconds, 'RTO').toBeGreaterThanOrEqual(least - tolerance);
  expect(clock.rtoSeconds, 'RTO').toBeLessThanOrEqual(most + tolerance);
  const phases = clock.phases.filter(({ name }) => name !== 'validate').reduce((sum, { seconds }) => sum + seconds, 0);
  expect(phases, 'the phases together').toBeLessThanOrEqual(clock.rtoSeconds + tolerance);
}
