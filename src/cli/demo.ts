import type { Command } from 'commander';

import { startDemo } from '../demo/demo.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { globalOptions } from './global-options.js';
import { runDrill } from './drill.js';
import { colors, say } from './terminal.js';
import { untilStopped } from './until-stopped.js';

export async function demo(options: { keep?: boolean }, command: Command): Promise<ExitCode> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error('stopped by a signal'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const demo = await startDemo((line) => say(`${colors.dim('set-up')} ${line}`), stop.signal);
  let code: ExitCode;
  try {
    say(`Web UI: ${demo.stack.temporal.uiUrl}`);
    code = await runDrill(
      demo.loaded,
      'shop',
      { target: 'fence', backup: 'full+incremental' },
      globalOptions(command).json === true,
    );
    const trouble = await demo.loadTrouble();
    if (trouble !== undefined) {
      say(
        `${colors.red('The write load ended before the drill did')}, so this proved nothing about a busy source: ${trouble}`,
      );
      code = exitCodes.failed;
    }
    if (options.keep === true && !stop.signal.aborted) {
      say('');
      say(`Everything still runs. Web UI ${demo.stack.temporal.uiUrl}, Temporal ${demo.stack.temporal.address}`);
      say(
        `Start a workflow "drill" there on task queue "pgdrill" with the input {"cluster": "shop"}, or in another terminal:`,
      );
      say(`  npm run pgdrill -- --config ${demo.loaded.path} drill shop --gate promote`);
      say(`Source: psql -h ${demo.source.socketDirectory} -U postgres shop`);
      say('Ctrl-C stops and removes it all (the evidence stays).');
      await untilStopped(demo.stack);
    }
  } finally {
    say('stopping everything');
    say(`evidence is kept in ${await demo.end()}`);
  }
  return code;
}
