import { expect, it } from 'vitest';

import { LocalStorage } from '../../src/repository/local-storage.js';

const storage = new LocalStorage('/srv/repository');

it.each(['holds/../evidence/x', '../x', 'evidence/..', '..'])('no key leads out of its folder: %s', (key) => {
  expect(() => storage.pathOf(key)).toThrow(RangeError);
});

it('dots in a name are no way out', () => {
  expect(storage.pathOf('backups/..a..b')).toBe('/srv/repository/backups/..a..b');
});
