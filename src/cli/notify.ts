import type { Command } from 'commander';

import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, messageOf, PgdrillError, UsageError } from '../errors.js';
import { deliver } from '../notifications/deliver.js';
import type { Notification } from '../schema/notification.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { print, printJson, say, tint } from './terminal.js';

interface Told {
  channel: string;
  told: boolean;
  why?: string;
}

export async function notify(
  only: string | undefined,
  { test }: { test?: boolean },
  command: Command,
): Promise<ExitCode> {
  if (test !== true) {
    throw new UsageError({
      what: 'pgdrill notify sends test notifications only.',
      means: 'All others are sent by runs, when there is something to tell.',
      todo: 'Say --test.',
    });
  }
  const loaded = await loadFor(command);
  const told: Told[] = [];
  for (const channel of channelNames(loaded, only)) told.push(await tryChannel(loaded, channel));
  if (globalOptions(command).json === true) printJson(told);
  else
    print(
      renderTable(
        told.map(({ channel, told: taken, why = '' }) => [channel, tint(taken ? 'ok' : 'failed'), why]),
        ['CHANNEL', 'TOLD', ''],
      ),
    );
  return told.every(({ told: taken }) => taken) ? exitCodes.done : exitCodes.failed;
}

function channelNames({ configuration, path }: LoadedConfiguration, only: string | undefined): string[] {
  const names = Object.keys(configuration.notifications);
  if (only === undefined ? names.length > 0 : names.includes(only)) return only === undefined ? names : [only];
  throw new UsageError({
    what: only === undefined ? `There is no channel in ${path}.` : `There is no channel "${only}" in ${path}.`,
    means: names.length === 0 ? 'Nobody is told of anything.' : `It knows: ${names.join(', ')}.`,
    todo: 'Add it under notifications (docs/notifications.md), or name one that is there.',
  });
}

async function tryChannel({ configuration }: LoadedConfiguration, channel: string): Promise<Told> {
  const configured = configuration.notifications[channel];
  if (configured === undefined) throw new RangeError(channel);
  const at = new Date().toISOString();
  const notification: Notification = {
    id: `test/${channel}/${at}`,
    event: 'test',
    severity: 'info',
    cluster: configured.clusters?.[0] ?? Object.keys(configuration.clusters)[0] ?? '',
    title: `pgdrill: a test of channel ${channel}`,
    text: 'Nothing happened. Somebody tries whether notifications arrive.',
    at,
  };
  try {
    await deliver(channel, configured, notification, new AbortController().signal);
    return { channel, told: true };
  } catch (error) {
    const why = error instanceof PgdrillError ? error.explanation.what : messageOf(error);
    if (error instanceof PgdrillError) say(error.message);
    return { channel, told: false, why };
  }
}
