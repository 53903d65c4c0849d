import { ConfigurationError, ToolError, UnreachableError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import type { ChannelConfiguration, Notification, WebhookConfiguration } from '../schema/notification.js';
import { readSecret } from './secret.js';
import { renderBody } from './templates.js';

/** A receiver that takes longer is taken for one that does not answer. */
const timeoutMs = 15_000;

/**
 * Gives a message to a channel.
 *
 * @throws UnreachableError (retryable) where it did not take it now: no answer, 408, 429, 5xx, a command that failed. ConfigurationError
 *   where it never will: an unknown secret, a wrong URL, any other answer. No message holds the URL or what the receiver said: either may be
 *   secret.
 */
export async function deliver(
  name: string,
  { webhook, command }: ChannelConfiguration,
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  if (webhook !== undefined) await post(name, webhook, notification, signal);
  if (command !== undefined) await run(name, command, notification, signal);
}

async function post(
  name: string,
  webhook: WebhookConfiguration,
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  const url = await readSecret({ env: webhook.url_env, file: webhook.url_file }, `The URL of channel ${name}`);
  const authorization = await readSecret(
    { env: webhook.authorization_env, file: webhook.authorization_file },
    `The authorization of channel ${name}`,
  );
  if (url === undefined || !/^https?:\/\//.test(url) || !URL.canParse(url)) throw refused(name, 'its URL is none');
  const request: RequestInit = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'pgdrill',
      'idempotency-key': notification.id,
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: renderBody(webhook.template, notification),
    redirect: 'manual', // the message was meant for this receiver
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  };
  let status: number;
  try {
    const response = await fetch(url, request);
    ({ status } = response);
    await response.body?.cancel();
  } catch {
    signal.throwIfAborted();
    // Without the cause: it may quote the URL.
    throw unreachable(name, 'it did not answer');
  }
  if (status >= 200 && status < 300) return;
  if (status === 408 || status === 429 || status >= 500) throw unreachable(name, `it answered ${status}`);
  throw refused(name, `it answered ${status}`);
}

/** As the user that PostgreSQL's processes run as, where pgdrill runs as root. */
async function run(
  name: string,
  [file = '', ...args]: readonly string[],
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  try {
    await runTool({
      file,
      args,
      stdin: `${JSON.stringify(notification)}\n`,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
  } catch (error) {
    signal.throwIfAborted();
    const why =
      error instanceof ToolError
        ? `its command ended with ${error.toolExitCode === undefined ? 'a signal' : `exit code ${error.toolExitCode}`}`
        : error instanceof Error && error.name === 'TimeoutError'
          ? `its command took longer than ${timeoutMs / 1_000} s`
          : 'its command cannot be run';
    throw unreachable(name, why);
  }
}

function unreachable(name: string, why: string): UnreachableError {
  return new UnreachableError({
    what: `Channel ${name} did not take the notification: ${why}.`,
    means: 'Nobody was told this way.',
    todo: `Try it: pgdrill notify --test ${name}`,
  });
}

function refused(name: string, why: string): ConfigurationError {
  return new ConfigurationError({
    what: `Channel ${name} does not take notifications: ${why}.`,
    means: 'Nobody was told this way, and trying again will not help.',
    todo: `Correct notifications.${name} or what it names, then: pgdrill notify --test ${name}`,
  });
}
