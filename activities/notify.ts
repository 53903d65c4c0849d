import { clusterOf } from '../src/configuration/cluster.js';
import { ConfigurationError, messageOf } from '../src/errors.js';
import { deliver } from '../src/notifications/deliver.js';
import { dueNotifications } from '../src/notifications/due.js';
import { noteTold, wasTold } from '../src/notifications/once-a-day.js';
import type { ChannelEvents, Notification, NotificationEvent } from '../src/schema/notification.js';
import type { LoadedConfiguration } from '../src/configuration/load.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** One message to one channel: so that a channel that does not answer keeps no other from hearing, nor has it hear twice. */
export interface ToTell {
  channel: string;
  notification: Notification;
}

/** Notification: gives a message to a channel. Its secrets are read here, and go nowhere else. */
export const createNotify = ({ loaded }: Dependencies): Step<ToTell, void> =>
  step(async ({ channel, notification }: ToTell, { signal }): Promise<void> => {
    const configured = loaded.configuration.notifications[channel];
    if (configured === undefined) {
      throw new ConfigurationError({
        what: `There is no channel "${channel}" under notifications in ${loaded.path}.`,
        means: 'It was there when the run began.',
        todo: 'Nothing, if it was meant to go.',
      });
    }
    if (await wasTold(loaded.stateDirectory, channel, notification.id)) return;
    await deliver(channel, configured, notification, signal);
    await noteTold(loaded.stateDirectory, channel, notification.id);
  });

/** What is wrong without any run having told it, for each channel that takes it and was not told today. */
export const createFindDue = ({ loaded }: Dependencies): Step<Record<string, never>, ToTell[]> =>
  step(async (_input, { signal }): Promise<ToTell[]> => {
    const due: ToTell[] = [];
    for (const name of Object.keys(loaded.configuration.clusters)) {
      const channels = channelsOf(loaded, name);
      if (!channels.some(({ on }) => on.includes('proof_too_old') || on.includes('archive_gap'))) continue;
      const found = await dueNotifications(clusterOf(loaded, name), new Date(), signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // A new cluster has no repository yet, and one that cannot be read shows in `doctor`, metrics and every run.
        console.error(`pgdrill worker: cluster ${name}: ${messageOf(error).split('\n')[0] ?? ''}`);
        return [];
      });
      for (const notification of found)
        for (const { name: channel, on } of channels)
          if (
            on.includes(notification.event as NotificationEvent) &&
            !(await wasTold(loaded.stateDirectory, channel, notification.id))
          )
            due.push({ channel, notification });
    }
    return due;
  });

/** The channels that are told of a cluster. */
export function channelsOf({ configuration }: LoadedConfiguration, cluster: string): ChannelEvents[] {
  return Object.entries(configuration.notifications)
    .filter(([, { clusters }]) => clusters === undefined || clusters.includes(cluster))
    .map(([name, { on }]) => ({ name, on: [...on] }));
}
