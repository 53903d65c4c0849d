import type { Command } from 'commander';

import { type Decided, decide, extend, retarget } from '../client/decide.js';
import type { Temporal } from '../client/temporal.js';
import { type ExitCode, exitCodes } from '../errors.js';
import type { AnswerableGate } from '../schema/workflow-inputs.js';
import { loadFor, withTemporal } from './context.js';
import { globalOptions } from './global-options.js';
import { printJson, say } from './terminal.js';

interface AnswerOptions {
  gate?: AnswerableGate;
  by: string;
  reason: string;
}

export async function approve(
  id: string,
  options: AnswerOptions & { seen?: string; sign?: string },
  command: Command,
): Promise<ExitCode> {
  return await answer(command, id, 'approve', options, (temporal) => decide(temporal, id, 'approve', options));
}

export async function reject(
  id: string,
  options: AnswerOptions & { seen?: string },
  command: Command,
): Promise<ExitCode> {
  return await answer(command, id, 'reject', options, (temporal) => decide(temporal, id, 'reject', options));
}

export async function extendGate(
  id: string,
  options: AnswerOptions & { for: string },
  command: Command,
): Promise<ExitCode> {
  return await answer(command, id, 'extend', options, (temporal) => extend(temporal, id, options));
}

export async function retargetRun(
  id: string,
  options: AnswerOptions & { target: string },
  command: Command,
): Promise<ExitCode> {
  return await answer(command, id, 'retarget', options, (temporal) => retarget(temporal, id, options));
}

async function answer(
  command: Command,
  id: string,
  decision: string,
  { by, reason }: AnswerOptions,
  give: (temporal: Temporal) => Promise<Decided>,
): Promise<ExitCode> {
  return await withTemporal(await loadFor(command), async (temporal) => {
    const { gate, question, answer: words } = await give(temporal);
    if (question !== '') say(question);
    say(`${id}: ${words}`);
    if (globalOptions(command).json === true) printJson({ id, gate, decision, by, reason, answer: words });
    return exitCodes.done;
  });
}
