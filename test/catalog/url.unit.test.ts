import { describe, expect, it } from 'vitest';

import { parsePostgresUrl } from '../../src/catalog/url.js';
import { ConfigurationError } from '../../src/errors.js';

describe('a PostgreSQL URL', () => {
  it.each([
    ['postgresql://ann@db:5433/cat', { user: 'ann', host: 'db', port: '5433', dbname: 'cat' }],
    ['postgres://db', { host: 'db' }],
    ['postgresql://', {}],
    ['postgresql:///cat?host=/run/pg&port=5433', { dbname: 'cat', host: '/run/pg', port: '5433' }],
    ['postgresql://ann@/cat?host=%2Frun%2Fpg', { user: 'ann', dbname: 'cat', host: '/run/pg' }],
    ['postgresql://%2Frun%2Fpg/cat', { host: '/run/pg', dbname: 'cat' }],
    ['postgresql://[::1]:5433/cat', { host: '::1', port: '5433', dbname: 'cat' }],
    ['postgresql://ann:p%40ss:word@db/cat', { user: 'ann', password: 'p@ss:word', host: 'db', dbname: 'cat' }],
    [
      'postgresql://db/cat?sslmode=verify-full&options=-c%20a%3Db',
      { host: 'db', dbname: 'cat', sslmode: 'verify-full', options: '-c a=b' },
    ],
  ])('%s becomes pairs', (url, pairs) => {
    expect(parsePostgresUrl(url)).toEqual(pairs);
  });

  it.each(['mysql://u:geheim@h/d', 'u:geheim@h', 'postgresql://a:1,b:2/d?password=geheim', 'postgresql://geheim%zz@h'])(
    'that is none is refused without being quoted (%s)',
    (url) => {
      const parse = (): unknown => parsePostgresUrl(url);
      expect(parse).toThrow(ConfigurationError);
      expect(parse).not.toThrow(/geheim/);
    },
  );
});
