import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { expect } from 'vitest';

import { eventually } from '../support/programs.js';

const root = join(import.meta.dirname, '..', '..');

/** One command of a guide, and what it shows of the output. */
export interface GuideStep {
  line: number;
  command: string;
  /** Run again until the output is there: for looking at something that goes on. */
  until: boolean;
  /** On the host of the source, where the guide has two. */
  onSource: boolean;
  /** Each has to occur in the output, in this order; `…` stands for anything within a line. */
  expected: string[];
}

/** Every fenced `sh` block of a guide, each with the `text` block that follows it. */
export function stepsOf(markdown: string): GuideStep[] {
  const steps: GuideStep[] = [];
  for (const match of markdown.matchAll(/^```(\w+)(?: (\w+))?\n([^]*?)^```$/gm)) {
    const [, language, mode, text = ''] = match;
    const line = markdown.slice(0, match.index).split('\n').length;
    const last = steps.at(-1);
    if (language === 'sh')
      steps.push({ line, command: text, until: mode === 'until', onSource: mode === 'source', expected: [] });
    else if (language === 'text' && last !== undefined) last.expected = text.trimEnd().split('\n');
  }
  return steps;
}

/** What a command line has to begin with to run on the host of the repository, and on that of the source. */
export interface Through {
  repository: readonly string[];
  source: readonly string[];
}

/**
 * Runs all commands of a guide in a shell, as a reader would, and compares what they print with what the guide shows.
 *
 * @param stands what stands for what: a path or a number of the guide, and what it is here. Put into commands and outputs alike.
 * @returns how many commands were run.
 */
export async function runGuide(
  name: string,
  options: {
    directory: string;
    env: Record<string, string>;
    stands: Readonly<Record<string, string>>;
    through?: Through;
  },
): Promise<number> {
  const { directory, env, stands, through = { repository: [], source: [] } } = options;
  await writeFile(
    join(directory, 'pgdrill'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist', 'src', 'cli', 'main.js')}' "$@"\n`,
    { mode: 0o755 },
  );
  const here = (text: string): string =>
    Object.entries(stands).reduce((all, [written, actual]) => all.replaceAll(written, actual), text);
  const steps = stepsOf(await readFile(join(root, 'docs', 'guides', `${name}.md`), 'utf8'));
  for (const step of steps) {
    const run = async (): Promise<{ output: string; exitCode: number | undefined }> => {
      const [file = '', ...args] = [
        ...(step.onSource ? through.source : through.repository),
        ...['sh', '-ec', here(step.command)],
      ];
      const { all, exitCode } = await execa(file, args, {
        ...{ all: true, reject: false, cwd: directory, stdin: 'ignore' },
        env: { NO_COLOR: '1', ...env, PATH: `${directory}:${process.env['PATH'] ?? ''}` },
      });
      return { output: all, exitCode };
    };
    const where = `${name}.md:${step.line}`;
    const expected = step.expected.map(here);
    if (step.until) {
      await eventually(where, async () => (missingOf((await run()).output, expected) === undefined ? true : undefined));
      continue;
    }
    const { output, exitCode } = await run();
    expect({ where, exitCode, missing: missingOf(output, expected), output }).toEqual({
      ...{ where, exitCode: 0, missing: undefined, output },
    });
  }
  return steps.length;
}

/** @returns the first expected line that the output does not have, behind the one before. */
export function missingOf(output: string, expected: readonly string[]): string | undefined {
  const lines = output.split('\n').map(squeeze);
  let from = 0;
  for (const line of expected) {
    if (line.trim() === '') continue;
    const pattern = new RegExp(squeeze(line).split(/ ?… ?/).map(escape).join('.*'));
    const found = lines.findIndex((each, index) => index >= from && pattern.test(each));
    if (found === -1) return line;
    from = found + 1;
  }
  return undefined;
}

/** How wide a column is depends on what is in it. */
function squeeze(line: string): string {
  return line.replaceAll(/\s+/g, ' ').trim();
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
