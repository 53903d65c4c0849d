import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';

import type { ExtractResult, RecoverResult } from '../client/results.js';
import { startWorkflow } from '../client/start.js';
import type { Temporal } from '../client/temporal.js';
import { type LoadedConfiguration, loadConfiguration } from '../configuration/load.js';
import { type Stack, startStack } from '../embedded/stack.js';
import { type ExitCode, exitCodes } from '../errors.js';
import {
  configurationIn,
  keepRequest,
  removeState,
  type StandaloneRequest,
  standaloneStateOf,
  temporalProfileIn,
} from '../standalone/state.js';
import { keepsServers, stopServers } from '../standalone/stop-servers.js';
import { withTemporal } from './context.js';
import { finishFailed, sayStarted } from './finish.js';
import { renderExtraction } from './recover-extract.js';
import { renderRecovery } from './render-recovery.js';
import { colors, print, printJson, say } from './terminal.js';
import { stopSignals } from './until-stopped.js';
import { Detached, watchWorkflow } from './watch-workflow.js';

/** How the command ended, and whether what it kept of itself is still needed. */
interface Ending {
  code: ExitCode;
  over: boolean;
}

/**
 * Recovers, or extracts, with nothing but a repository: with a Temporal and a worker of its own, whose state lies beside the new data directory. Ended
 * in the middle by whatever, the same command goes on.
 *
 * @returns the exit code.
 */
export async function recoverStandalone(
  request: StandaloneRequest,
  options: { asJson: boolean; giveUp: boolean },
): Promise<ExitCode> {
  const state = standaloneStateOf(request.input.into);
  await keepRequest(state, request);
  // Whatever else is set up here, this recovery talks to its own Temporal alone.
  for (const name of Object.keys(process.env))
    if (name.startsWith('TEMPORAL_')) Reflect.deleteProperty(process.env, name);
  process.env['TEMPORAL_CONFIG_FILE'] = temporalProfileIn(state);
  process.env['PGDRILL_STATE'] = state;
  const loaded = await loadConfiguration({ path: configurationIn(state) });
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    stop.abort(new Detached(state));
    // Who watches detaches at the first one, and takes a second for impatience.
    if (signal !== 'SIGINT') process.emit('SIGINT');
  };
  for (const signal of stopSignals) process.once(signal, onSignal);
  let stack: Stack | undefined;
  let ending: Ending = { code: exitCodes.unproven, over: false };
  try {
    stack = await startStack({
      stateDirectory: state,
      configurationPath: loaded.path,
      withoutCatalog: true,
      progress: say,
      signal: stop.signal,
    });
    say(`state ${state}   Web UI ${stack.temporal.uiUrl}`);
    ending = await withTemporal(loaded, (temporal) => follow(loaded, temporal, request, options));
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    if (options.asJson) printJson({ id: idOf(request), detached: true });
  } finally {
    await stack?.stop();
    if (!ending.over && stack !== undefined) await stopServers(stack.tools, state);
    for (const signal of stopSignals) process.removeListener(signal, onSignal);
  }
  if (ending.over) await removeState(state);
  else
    say(
      `${colors.yellow('not finished')}: nothing runs any more. The same command goes on with it; with --give-up it ends it and removes what it restored.`,
    );
  return ending.code;
}

async function follow(
  loaded: LoadedConfiguration,
  temporal: Temporal,
  request: StandaloneRequest,
  { asJson, giveUp }: { asJson: boolean; giveUp: boolean },
): Promise<Ending> {
  const handle = await goOnOrStart(loaded, temporal, request, giveUp);
  if (handle === undefined) {
    say('nothing was begun here: there is nothing to give up');
    if (asJson) printJson({ id: idOf(request), status: 'none' });
    return { code: exitCodes.done, over: true };
  }
  const id = handle.workflowId;
  if (giveUp) await handle.cancel();
  try {
    const result = await watchWorkflow<RecoverResult | ExtractResult>(async () => {
      await sayStarted(loaded, temporal, id);
      say(`Answer at its gates from another terminal: pgdrill --config ${loaded.path} approve ${id}   (or: reject)`);
      return handle;
    });
    if (asJson) printJson({ id, ...result });
    else print('into' in result ? renderRecovery(result) : renderExtraction(result));
    const done = result.outcome === 'recovered' || result.outcome === 'extracted';
    return { code: done ? exitCodes.done : exitCodes.unproven, over: true };
  } catch (error) {
    if (!(error instanceof Detached)) {
      const code = finishFailed(error, id, asJson);
      // What took writes before it failed is kept, and its settings and log with it.
      return { code, over: !(await keepsServers(loaded.stateDirectory)) };
    }
    if (asJson) printJson({ id, detached: true });
    return { code: exitCodes.unproven, over: false };
  }
}

/** @returns undefined where there is nothing to give up. */
async function goOnOrStart(
  loaded: LoadedConfiguration,
  temporal: Temporal,
  request: StandaloneRequest,
  giveUp: boolean,
): Promise<WorkflowHandle | undefined> {
  const id = idOf(request);
  const begun = temporal.client.workflow.getHandle(id);
  try {
    const { status } = await begun.describe();
    say(
      status.name === 'RUNNING'
        ? 'going on with the recovery that was begun here'
        : 'the recovery that was begun here has ended',
    );
    return begun;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  if (giveUp) return undefined;
  const options = { taskQueue: loaded.configuration.temporal.task_queue, id };
  return request.kind === 'extract'
    ? await startWorkflow(temporal, 'extract', request.input, options)
    : await startWorkflow(temporal, 'recover', request.input, options);
}

/** There is one in each state directory: whoever comes back finds it by this. */
function idOf({ kind, cluster }: StandaloneRequest): string {
  return `${kind}-${cluster}`;
}
