import { describe, expect, it } from 'vitest';

import { stateDirectory, withoutTrailingSlash } from '../../src/configuration/state-directory.js';
import { ConfigurationError } from '../../src/errors.js';

const someone = { uid: 1000, home: '/home/ann' };

describe('the state directory', () => {
  it('is what PGDRILL_STATE says, above all else', () => {
    expect(stateDirectory('/configured', { ...someone, env: { PGDRILL_STATE: '/named/' } })).toBe('/named');
  });

  it('is what the configuration says', () => {
    expect(stateDirectory('/configured', { ...someone, env: { PGDRILL_STATE: '' } })).toBe('/configured');
  });

  it('is open to the unprivileged server user when root runs pgdrill', () => {
    expect(stateDirectory(undefined, { uid: 0, home: '/root', env: {} })).toBe('/var/lib/pgdrill');
  });

  it('lies in the XDG state home of anyone else', () => {
    expect(stateDirectory(undefined, { ...someone, env: {} })).toBe('/home/ann/.local/state/pgdrill');
    expect(stateDirectory(undefined, { ...someone, env: { XDG_STATE_HOME: '/x' } })).toBe('/x/pgdrill');
  });

  it('ignores a relative XDG path, as the specification says', () => {
    const env = { XDG_STATE_HOME: 'state' };
    expect(stateDirectory(undefined, { ...someone, env })).toBe('/home/ann/.local/state/pgdrill');
  });

  it('is never relative', () => {
    const relative = (): string => stateDirectory(undefined, { ...someone, env: { PGDRILL_STATE: 'here' } });
    expect(relative).toThrow(ConfigurationError);
    expect(relative).toThrow('PGDRILL_STATE is "here"');
  });
});

it('a path is compared in its shortest form', () => {
  expect(withoutTrailingSlash('/a//b/../c/')).toBe('/a/c');
  expect(withoutTrailingSlash('/')).toBe('/');
});
