import { PassThrough } from 'node:stream';

import { expect, it } from 'vitest';

import { ask } from '../../src/cli/ask.js';
import { UsageError } from '../../src/errors.js';

const questions = [
  { key: 'connection', text: 'How to reach it', proposal: 'host=/run/postgresql' },
  { key: 'repository', text: 'Where to', proposal: '/srv/shop' },
] as const;

function terminal(isTTY: boolean): {
  input: PassThrough & { isTTY: boolean };
  output: PassThrough & { isTTY: boolean };
} {
  return {
    input: Object.assign(new PassThrough(), { isTTY }),
    output: Object.assign(new PassThrough(), { isTTY }),
  };
}

it('takes answers, and the proposal where there is none', async () => {
  const there = terminal(true);
  const asking = ask(questions, there);
  there.output.on('data', (text: Buffer) => {
    if (text.toString().includes('How to reach it')) there.input.write('host=db.example\n');
    if (text.toString().includes('Where to')) there.input.write('\n');
  });
  expect(await asking).toEqual({ connection: 'host=db.example', repository: '/srv/shop' });
});

it('does not ask where nobody sits', async () => {
  const away = terminal(false);
  expect(await ask(questions, away)).toBeUndefined();
  expect(away.output.read()).toBeNull();
});

it('ends where the input does', async () => {
  const there = terminal(true);
  const asking = ask(questions, there);
  there.input.end();
  await expect(asking).rejects.toThrow(UsageError);
});
