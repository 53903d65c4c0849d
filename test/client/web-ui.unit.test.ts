import { expect, test } from 'vitest';

import { startFormLink, webUiLink } from '../../src/client/web-ui.js';

test('a link fills the start form in, whatever the names hold', () => {
  const link = startFormLink('http://localhost:8233', 'default', { kind: 'drill', cluster: 'shop', taskQueue: 'a&b' });
  expect(link).toBe(
    'http://localhost:8233/namespaces/default/workflows/start-workflow?workflowType=drill&taskQueue=a%26b&workflowId=drill-shop',
  );
});

test('a link to a run bears slashes and colons in its id', () => {
  expect(webUiLink('http://ui', 'a/b', 'drill-shop-2026-11-22T02:00:00Z')).toBe(
    'http://ui/namespaces/a%2Fb/workflows/drill-shop-2026-11-22T02%3A00%3A00Z',
  );
});
