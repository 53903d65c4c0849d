import { describe, expect, it } from 'vitest';

import { notificationEvents, notificationsSchema } from '../../src/schema/notification.js';

const problemsOf = (channel: object): string[] =>
  notificationsSchema.safeParse({ ops: channel }).error?.issues.map(({ message }) => message) ?? [];

describe('notifications in the configuration', () => {
  it('are told of everything, of all clusters, as JSON, unless it says otherwise', () => {
    expect(notificationsSchema.parse({ ops: { webhook: { url_env: 'URL' } } })).toEqual({
      ops: { on: [...notificationEvents], webhook: { url_env: 'URL', template: 'json' } },
    });
    expect(notificationsSchema.parse(undefined)).toEqual({});
  });

  it('have a webhook or a command, not both and not neither', () => {
    expect(problemsOf({})).toEqual(['must have either webhook or command']);
    expect(problemsOf({ webhook: { url_env: 'URL' }, command: ['/bin/true'] })).toEqual([
      'must have either webhook or command',
    ]);
    expect(problemsOf({ command: ['true'] })).toEqual(['must begin with the absolute path of a program']);
  });

  it('name a secret’s place, and refuse the secret itself', () => {
    expect(problemsOf({ webhook: {} })).toEqual(['must name either url_env or url_file']);
    expect(problemsOf({ webhook: { url: 'https://hooks.example/T0K3N' } })[0]).toContain('Unrecognized key');
    expect(problemsOf({ webhook: { url_env: 'https://hooks.example/T0K3N' } })).toEqual([
      'must be the name of an environment variable, not its value',
    ]);
    expect(problemsOf({ webhook: { url_env: 'URL', authorization_env: 'A', authorization_file: '/a' } })).toEqual([
      'cannot name both authorization_env and authorization_file',
    ]);
  });

  it('know their events', () => {
    expect(problemsOf({ on: ['passed'], command: ['/bin/true'] })).toHaveLength(1);
    expect(problemsOf({ on: [], command: ['/bin/true'] })).toHaveLength(1);
  });
});
