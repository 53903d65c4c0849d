import wrapAnsi from 'wrap-ansi';

import type { LiveRun } from '../client/live-runs.js';
import { minute, moment, seconds } from '../schema/figures.js';
import type { Waiting } from '../schema/progress.js';
import { approveCommand } from './approve-command.js';
import { PendingLines, retryLine } from './pending-lines.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

/** What ended lately stays in view for so long. */
const endedWithinMs = 60 * 60_000;
const mostEnded = 5;

/** Draws all that runs: who waits for an answer comes first. */
export class LiveView {
  private readonly lines = new Map<string, PendingLines>();

  /** @param width of the terminal, in columns. */
  draw(runs: readonly LiveRun[], now: Date, width: number): string[] {
    const running = runs.filter(({ closedAt }) => closedAt === undefined);
    const waiting = running.filter(({ progress }) => progress?.waiting !== undefined);
    const others = running.filter((run) => !waiting.includes(run));
    const ended = runs
      .filter(({ closedAt }) => closedAt !== undefined && now.getTime() - Date.parse(closedAt) < endedWithinMs)
      .slice(0, mostEnded);
    return [
      `${colors.bold('pgdrill')}  ${headline(running.length, waiting.length)}  ${colors.dim(`${moment(now)}   Ctrl-C ends the view; what runs goes on`)}`,
      ...[...waiting, ...others].flatMap((run) => ['', ...this.one(run, now, width)]),
      ...(ended.length === 0 ? [] : ['', colors.bold('Ended within the last hour'), ...endedTable(ended, width)]),
    ];
  }

  private one(run: LiveRun, now: Date, width: number): string[] {
    const { id, kind, startedAt, progress, pending = [] } = run;
    const step = progress?.steps.find(({ state }) => state === 'running');
    const since = `running for ${seconds(age(startedAt, now))}`;
    const of = progress === undefined ? kind : `${progress.kind} of ${progress.cluster}`;
    const lines = this.lines.get(id) ?? new PendingLines();
    this.lines.set(id, lines);
    const head = `  ${colors.yellow('▶')} ${step === undefined ? '' : `${step.step}: `}`;
    const bars = lines.render(pending, { head, room: width - 7 - (step?.step.length ?? 0) });
    return [
      `${colors.bold(id)}  ${of}, ${since}`,
      ...(progress === undefined
        ? [`  ${colors.yellow('no worker answers')}: does one run (pgdrill dev, pgdrill worker)?`]
        : []),
      ...(progress?.waiting === undefined ? [] : gateLines(id, progress.waiting, now, width)),
      ...pending.flatMap((each) => retryLine(each, step?.step ?? '') ?? []).map((line) => `  ${line}`),
      ...(bars.length === 0 && step !== undefined && progress?.waiting === undefined
        ? [`  ${colors.yellow('▶')} ${step.step}`]
        : bars),
    ];
  }
}

function headline(running: number, waiting: number): string {
  if (running === 0) return 'nothing runs';
  const wait = waiting === 0 ? '' : `, ${colors.yellow(`${waiting} ${waiting === 1 ? 'waits' : 'wait'} for you`)}`;
  return `${running} ${running === 1 ? 'run' : 'runs'}${wait}`;
}

function gateLines(id: string, waiting: Waiting, now: Date, width: number): string[] {
  const { gate, since, until, question, refused } = waiting;
  const words = refused === undefined ? question : `${question} The last answer does not count: ${refused}`;
  return [
    `  ${colors.yellow('?')} gate ${gate} has waited for ${seconds(age(since, now))}, until ${minute(until)}`,
    ...wrapAnsi(words, width - 6)
      .split('\n')
      .map((line) => `    ${line}`),
    `    ${approveCommand(id, waiting)}`,
    `    (or: pgdrill reject ${id})`,
  ];
}

function endedTable(runs: readonly LiveRun[], width: number): string[] {
  const rows = runs.map(({ id, status, closedAt }) => [
    id,
    tint(status),
    closedAt === undefined ? '' : moment(closedAt),
  ]);
  return renderTable(rows, undefined, { indent: 2, width }).split('\n');
}

function age(since: string, now: Date): number {
  return Math.max(0, (now.getTime() - Date.parse(since)) / 1_000);
}
