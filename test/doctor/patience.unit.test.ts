import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { Answered, patientError } from '../../src/doctor/patience.js';
import { AccessError, UnreachableError } from '../../src/errors.js';

let state: string;
let answered: Answered;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'pgdrill-patience-'));
  answered = new Answered(state);
});
afterEach(async () => {
  await rm(state, { recursive: true });
});

const address = 'host=db1 port=5432';
const explanation = { what: 'no answer', means: 'The server is down, or the address is wrong.', todo: 'Look.' };
const refused = new UnreachableError(explanation, { address });
const starting = new UnreachableError(explanation, { address, answered: true });

it('gives an address that has never answered three tries, and says why no more', async () => {
  expect(await patientError(refused, 1, answered)).toBe(refused);
  expect(await patientError(refused, 2, answered)).toBe(refused);
  const last = await patientError(refused, 3, answered);
  expect(last).toBeInstanceOf(UnreachableError);
  expect(last).toMatchObject({ retryable: false, exitCode: 69, name: 'UnreachableError' });
  expect((last as Error).message).toMatch(/never answered here, so 3 tries are enough/);
});

it('waits for a server that says itself that it starts, however often', async () => {
  expect(await patientError(starting, 7, answered)).toBe(starting);
});

it('waits for an address that answered before, in this step or in an earlier one', async () => {
  await patientError(starting, 1, answered);
  expect(await patientError(refused, 4, answered)).toBe(refused);
  expect(await patientError(refused, 4, new Answered(state))).toBe(refused);
  const other = new UnreachableError(explanation, { address: 'host=db2 port=5432' });
  expect(await patientError(other, 4, answered)).toMatchObject({ retryable: false });
});

it('leaves what is no matter of patience alone', async () => {
  const access = new AccessError(explanation);
  expect(await patientError(access, 3, answered)).toBe(access);
});

it('does without a memory where none can be written', async () => {
  const file = join(state, 'file');
  await writeFile(file, '');
  const nowhere = new Answered(file);
  expect(await patientError(starting, 1, nowhere)).toBe(starting);
  expect(await patientError(refused, 3, nowhere)).toMatchObject({ retryable: false });
});
