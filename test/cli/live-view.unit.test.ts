import { stripVTControlCharacters } from 'node:util';

import { expect, test } from 'vitest';

import { LiveView } from '../../src/cli/live-view.js';
import type { LiveRun } from '../../src/client/live-runs.js';

const now = new Date('2026-11-28T12:00:00Z');
const draw = (runs: LiveRun[], width = 120): string =>
  stripVTControlCharacters(new LiveView().draw(runs, now, width).join('\n'));

const running: LiveRun = {
  id: 'drill-shop-2026-11-28-1158',
  kind: 'drill',
  status: 'running',
  startedAt: '2026-11-28T11:58:00Z',
  progress: {
    kind: 'drill',
    cluster: 'shop',
    approvals: [],
    steps: [
      { step: 'archive check', state: 'done' },
      { step: 'restore preparation', state: 'running' },
    ],
  },
  pending: [
    {
      activity: 'prepareRestore',
      attempt: 1,
      progress: { doing: 'combining the chain', doneBytes: 500_000_000, totalBytes: 1_000_000_000 },
    },
  ],
};

const waiting: LiveRun = {
  ...running,
  id: 'recover-till-2026-11-28-1130',
  progress: {
    kind: 'recover',
    cluster: 'till',
    approvals: [],
    steps: [],
    waiting: {
      gate: 'promote',
      since: '2026-11-28T11:55:00Z',
      until: '2026-11-28T13:00:00Z',
      question: 'Replay reached 0/3000000. Promote?',
    },
  },
  pending: [],
};

test('who waits for an answer comes first, with how to give it; then what runs, with its step and how far it is', () => {
  const lines = draw([running, waiting]).split('\n');
  expect(lines[0]).toMatch(/^pgdrill {2}2 runs, 1 waits for you {2}2026-11-28 12:00:00 UTC/);
  const text = lines.slice(1).join('\n');
  expect(text).toMatch(
    /recover-till-2026-11-28-1130 {2}recover of till, .*\n {2}\? gate promote has waited for 5 min 0 s, until 2026-11-28 13:00 UTC\n {4}Replay reached.*\n {4}pgdrill approve recover-till-2026-11-28-1130/,
  );
  expect(text).toMatch(
    /drill-shop-2026-11-28-1158 {2}drill of shop, running for 2 min 0 s\n {2}▶ restore preparation: combining the chain █+░+ 50 % of 1\.0 GB/,
  );
  expect(text.indexOf('recover-till')).toBeLessThan(text.indexOf('drill-shop'));
});

test('a step that is tried again says why; a run that no worker answers for is no secret', () => {
  const retried: LiveRun = {
    ...running,
    pending: [{ activity: 'prepareRestore', attempt: 3, lastFailure: 'the disk is full\n  Meaning: …' }],
  };
  expect(draw([retried])).toContain('↻ restore preparation, attempt 3: the disk is full');
  const silent: LiveRun = { id: running.id, kind: 'drill', status: 'running', startedAt: running.startedAt };
  expect(draw([silent])).toMatch(/drill-shop-2026-11-28-1158 {2}drill, .*\n {2}no worker answers/);
});

test('what ended within the hour stays in view', () => {
  const ended = (id: string, closedAt: string): LiveRun => ({ ...running, id, status: 'completed', closedAt });
  const text = draw([ended('lately', '2026-11-28T11:30:00Z'), ended('long-ago', '2026-11-28T10:30:00Z')]);
  expect(text).toMatch(/^pgdrill {2}nothing runs/);
  expect(text).toMatch(/lately {2}completed {2}2026-11-28 11:30:00/);
  expect(text).not.toContain('long-ago');
});
