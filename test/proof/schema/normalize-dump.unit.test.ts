import { describe, expect, it } from 'vitest';

import { normalizeDump, normalizeGlobals } from '../../../src/proof/schema/normalize-dump.js';

const dump = (key: string, version: string): string => `--
-- PostgreSQL database dump
--

\\restrict ${key}

-- Dumped from database version ${version}
-- Dumped by pg_dump version ${version}

SET statement_timeout = 0;
\\unrestrict ${key}
\\connect shop
\\restrict ${key}
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$
-- Dumped by hand
\\restrict other
$$;

\\unrestrict ${key}
`;

describe('a normalized dump', () => {
  it('is the same for two runs that differ in their random key and in the minor version', () => {
    expect(normalizeDump(dump('aaa', '17.10'))).toBe(normalizeDump(dump('bbb', '17.11')));
  });

  it('keeps what looks alike inside a function body', () => {
    expect(normalizeDump(dump('aaa', '17.10'))).toContain('-- Dumped by hand\n\\restrict other\n');
  });

  it('takes out where a tablespace lies, but neither its owner nor its options', () => {
    const globals = (path: string): string =>
      `CREATE TABLESPACE fast OWNER bob LOCATION '${path}';\nALTER TABLESPACE fast SET (random_page_cost=1.1);`;
    expect(normalizeGlobals(globals("/it''s/here"))).toBe(normalizeGlobals(globals('/sandbox')));
    expect(normalizeGlobals(globals('/a'))).toContain('CREATE TABLESPACE fast OWNER bob LOCATION');
    expect(normalizeGlobals(globals('/a'))).toContain('random_page_cost=1.1');
  });
});
