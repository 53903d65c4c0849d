import { expect, it } from 'vitest';

import { renderDetails } from '../../workflows/details.js';

it('the commands of a gate are safe to paste, whatever somebody called the run', () => {
  const waiting = { gate: 'promote', since: '', until: '', question: 'Promote?', seen: 'abc' } as const;
  const text = renderDetails({ kind: 'drill', cluster: 'shop', steps: [], approvals: [], waiting }, 'mine; rm -rf ~');
  const commands = text.match(/pgdrill (approve|psql|retarget) [^`\n]*/g) ?? [];
  expect(commands).toHaveLength(3);
  for (const command of commands) expect(command).toMatch(/^pgdrill \w+ 'mine; rm -rf ~'/);
});

it('an ended run says why it ended so, and who decided what in between', () => {
  const at = (second: number): string => `2026-11-22T02:00:0${second}.000Z`;
  const text = renderDetails(
    {
      ...{
        kind: 'drill',
        cluster: 'shop',
        verdict: 'unproven',
        reasons: ['Rejected at gate promote by grace: wrong night.'],
      },
      steps: [
        { step: 'replay', state: 'done', startedAt: at(1), finishedAt: at(2), summary: '16 MB' },
        { step: 'clean-up', state: 'done', startedAt: at(6), finishedAt: at(7) },
      ],
      approvals: [
        {
          gate: 'promote',
          decision: 'rejected',
          by: 'grace',
          reason: 'wrong night',
          openedAt: at(2),
          decidedAt: at(6),
        },
      ],
    },
    'mine',
  );
  expect(text).toBe(`**drill of shop** · last: clean-up · **verdict: unproven**

Rejected at gate promote by grace: wrong night.

- ✔ **replay** (1.0 s) — 16 MB
- ◆ **gate promote** (4.0 s) — rejected by grace: wrong night
- ✔ **clean-up** (1.0 s)`);
});
