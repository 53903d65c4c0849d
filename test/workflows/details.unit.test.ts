import { expect, it } from 'vitest';

import { renderDetails } from '../../workflows/details.js';

it('the commands of a gate are safe to paste, whatever somebody called the run', () => {
  const waiting = { gate: 'promote', since: '', until: '', question: 'Promote?', seen: 'abc' } as const;
  const text = renderDetails({ kind: 'drill', cluster: 'shop', steps: [], approvals: [], waiting }, 'mine; rm -rf ~');
  const commands = text.match(/pgdrill (approve|psql|retarget) [^`\n]*/g) ?? [];
  expect(commands).toHaveLength(3);
  for (const command of commands) expect(command).toMatch(/^pgdrill \w+ 'mine; rm -rf ~'/);
});
