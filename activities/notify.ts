import { Context } from '@temporalio/activity';

import { findDrift } from '../src/client/schedules/drift.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { loadConfiguration, type LoadedConfiguration } from '../src/configuration/load.js';
import { ConfigurationError, messageOf } from '../src/errors.js';
import { deliver } from '../src/notifications/deliver.js';
import { dueLooks, leftOver, ofToday, scheduleDrift } from '../src/notifications/due.js';
import { noteTold, wasTold } from '../src/notifications/once-a-day.js';
import type { ToDo } from '../src/schema/leftovers.js';
import type { ChannelEvents, Notification, NotificationEvent } from '../src/schema/notification.js';
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
export const createFindDue = ({ loaded }: Dependencies): Step<{ leftovers?: ToDo[] | undefined }, ToTell[]> =>
  step(async ({ leftovers = [] }: { leftovers?: ToDo[] | undefined }, { signal }): Promise<ToTell[]> => {
    if (Object.keys(loaded.configuration.notifications).length === 0) return [];
    const now = new Date();
    // A new cluster has no repository yet, and what cannot be read or asked shows in `doctor`, metrics and every run.
    const orNothing = async <T>(what: string, look: Promise<T>, nothing: T): Promise<T> =>
      await look.catch((error: unknown) => {
        signal.throwIfAborted();
        console.error(`pgdrill worker: ${what}: ${messageOf(error).split('\n')[0] ?? ''}`);
        return nothing;
      });
    const found = leftovers.map((each) => ofToday(each.cluster ?? 'pgdrill', leftOver(each), now, each.what));
    for (const name of Object.keys(loaded.configuration.clusters)) {
      const cluster = clusterOf(loaded, name);
      for (const look of dueLooks)
        for (const due of await orNothing(`cluster ${name}`, look(cluster, now, signal), []))
          found.push(ofToday(name, due, now));
    }
    const drift = await orNothing('schedules', driftNow(loaded), new Map<string, string[]>());
    for (const [name, differences] of drift) found.push(ofToday(name, scheduleDrift(name, differences), now));
    const due: ToTell[] = [];
    for (const notification of found)
      for (const { name: channel, on } of channelsOf(loaded, notification.cluster))
        if (
          on.includes(notification.event as NotificationEvent) &&
          !(await wasTold(loaded.stateDirectory, channel, notification.id))
        )
          due.push({ channel, notification });
    return due;
  });

/** By the file as it is now: `pgdrill policies apply` needs no worker that has read it again. */
async function driftNow({ path }: LoadedConfiguration): Promise<Map<string, string[]>> {
  return await findDrift(Context.current().client, (await loadConfiguration({ path })).configuration);
}

/** The channels that are told of a cluster. */
export function channelsOf({ configuration }: LoadedConfiguration, cluster: string): ChannelEvents[] {
  return Object.entries(configuration.notifications)
    .filter(([, { clusters }]) => clusters === undefined || clusters.includes(cluster))
    .map(([name, { on }]) => ({ name, on: [...on] }));
}
