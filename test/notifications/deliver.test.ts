import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ConfigurationError, type PgdrillError, UnreachableError } from '../../src/errors.js';
import { deliver } from '../../src/notifications/deliver.js';
import { renderBody } from '../../src/notifications/templates.js';
import type { ChannelConfiguration, Notification } from '../../src/schema/notification.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

const secret = 'T0K3N-swordfish';
const notification: Notification = {
  id: 'drill-shop/1/failed',
  event: 'failed',
  severity: 'critical',
  cluster: 'shop',
  title: 'shop: the drill failed',
  text: 'content: 2 < 3 & "so" on.',
  command: 'pgdrill report drill-shop',
  workflowId: 'drill-shop',
  at: '2026-11-28T02:00:00.000Z',
};

let receiver: Receiver;
let scratch: string;
beforeAll(async () => {
  receiver = await startReceiver();
  scratch = await makeScratch();
  process.env['PGDRILL_TEST_URL'] = `${receiver.url}/hooks/${secret}`;
  process.env['PGDRILL_TEST_AUTHORIZATION'] = `Bearer ${secret}`;
});
afterAll(async () => {
  delete process.env['PGDRILL_TEST_URL'];
  delete process.env['PGDRILL_TEST_AUTHORIZATION'];
  await receiver.close();
  await removeScratch(scratch);
});
beforeEach(() => {
  receiver.taken.length = 0;
  receiver.refused.length = 0;
});

const channel = (webhook: ChannelConfiguration['webhook']): ChannelConfiguration => ({ on: ['failed'], webhook });
const hook = { url_env: 'PGDRILL_TEST_URL', template: 'json' } as const;
const send = (configured: ChannelConfiguration): Promise<void> =>
  deliver('ops', configured, notification, new AbortController().signal);
const failureOf = (configured: ChannelConfiguration): Promise<PgdrillError> =>
  send(configured).then(
    () => expect.fail('it was told'),
    (error: unknown) => error as PgdrillError,
  );

describe('a webhook', () => {
  it('gets the message, and what is secret only in the request', async () => {
    await send(channel({ ...hook, authorization_env: 'PGDRILL_TEST_AUTHORIZATION' }));
    expect(receiver.taken).toMatchObject([
      {
        path: `/hooks/${secret}`,
        headers: {
          'content-type': 'application/json',
          'idempotency-key': 'drill-shop/1/failed',
          authorization: `Bearer ${secret}`,
        },
        body: notification,
      },
    ]);
  });

  it('of Slack’s kind gets one text, in which nothing of the message is markup', async () => {
    await send(channel({ ...hook, template: 'slack' }));
    expect(receiver.taken[0]!.body).toEqual({
      text: '🚨 *shop: the drill failed*\ncontent: 2 &lt; 3 &amp; "so" on.\n`drill-shop`\n`pgdrill report drill-shop`',
    });
    expect(JSON.parse(renderBody('json', notification))).toEqual(notification);
  });

  it('can have its URL in a file', async () => {
    const file = join(scratch, 'url');
    await writeFile(file, `${receiver.url}/from-file\n`, { mode: 0o600 });
    await send(channel({ url_file: file, template: 'json' }));
    expect(receiver.taken[0]!.path).toBe('/from-file');
  });

  it.each([500, 503, 429, 408])('that answers %i is tried again later', async (status) => {
    receiver.answerWith(status);
    const error = await failureOf(channel(hook));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.retryable).toBe(true);
    expect(error.message).toContain(`it answered ${status}`);
    await send(channel(hook));
  });

  it.each([400, 401, 404, 302])('that answers %i never will: that is said, and not tried again', async (status) => {
    receiver.answerWith(status);
    const error = await failureOf(channel(hook));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.retryable).toBe(false);
    expect(receiver.taken).toEqual([]);
  });

  it('names no secret in any error', async () => {
    receiver.answerWith(500, 404);
    process.env['PGDRILL_TEST_DEAD'] = `http://127.0.0.1:9/${secret}`;
    process.env['PGDRILL_TEST_WRONG'] = `not a url ${secret}`;
    const file = join(scratch, 'empty');
    await writeFile(file, '\n');
    const errors = [
      await failureOf(channel(hook)),
      await failureOf(channel(hook)),
      await failureOf(channel({ ...hook, url_env: 'PGDRILL_TEST_DEAD' })),
      await failureOf(channel({ ...hook, url_env: 'PGDRILL_TEST_WRONG' })),
      await failureOf(channel({ ...hook, url_env: 'PGDRILL_TEST_UNSET' })),
      await failureOf(channel({ url_file: file, template: 'json' })),
      await failureOf(channel({ url_file: join(scratch, 'missing'), template: 'json' })),
    ];
    delete process.env['PGDRILL_TEST_DEAD'];
    delete process.env['PGDRILL_TEST_WRONG'];
    expect(errors.map(({ retryable }) => retryable)).toEqual([true, false, true, false, false, false, false]);
    for (const error of errors)
      expect(`${error.message} ${String(error.cause)} ${error.stack ?? ''}`).not.toContain('swordfish');
    expect(errors[4]!.message).toContain('The environment variable PGDRILL_TEST_UNSET is not set.');
  });
});

describe('a command', () => {
  it('gets the message on its standard input', async () => {
    const out = join(scratch, 'told');
    await writeFile(out, '', { mode: 0o666 });
    const { chmod } = await import('node:fs/promises');
    await chmod(out, 0o666);
    await send({ on: ['failed'], command: ['/bin/sh', '-c', `cat > '${out}'`] });
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(notification);
  });

  it('that fails is tried again, and what it says is not quoted', async () => {
    const error = await failureOf({ on: ['failed'], command: ['/bin/sh', '-c', `echo ${secret} >&2; exit 3`] });
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toContain('its command ended with exit code 3');
    expect(error.message).not.toContain('swordfish');
    expect((await failureOf({ on: ['failed'], command: ['/no/such/program'] })).message).toContain('cannot be run');
  });
});
