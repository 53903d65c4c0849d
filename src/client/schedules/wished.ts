import { ConfigurationError } from '../../errors.js';
import { stepsBackFor } from '../../schedules/precedence.js';
import type { ClusterConfiguration, Configuration } from '../../schema/configuration.js';
import { namesOf, type ScheduleWish, timesOf } from './wish.js';

/** From one cluster's configuration to its schedules of one kind. */
type SchedulesOf = (cluster: string, configuration: ClusterConfiguration) => ScheduleWish[];

const backups: SchedulesOf = (cluster, { policies }) => {
  const all = Object.entries(policies).map(([name, policy]) => ({ name, policy }));
  return all.map((each) => {
    const { name, policy } = each;
    return {
      ...namesOf(cluster, 'backup', name),
      ...timesOf(policy),
      workflowId: `backup-${cluster}-${name}`,
      ...(policy.type === 'synthetic'
        ? { workflowType: 'consolidate', input: { cluster, policy: name } }
        : { workflowType: 'backup', input: { cluster, type: policy.type, policy: name } }),
      summary: `${policy.type} backup of ${cluster} for policy ${name}`,
      except: stepsBackFor(each, all).map((other) => ({ name: other.name, cron: other.policy.cron })),
      // A failed backup is noted and told. That the next one is tried is worth more than quiet: paused, one bad night becomes none at all.
      pauseOnFailure: false,
    };
  });
};

const drills: SchedulesOf = (cluster, configuration) =>
  Object.entries(configuration.drills).map(([name, drill]) => {
    const { scenario, target, backup, gates, gate_timeout, pause_on_failure } = drill;
    return {
      ...namesOf(cluster, 'drill', name),
      ...timesOf(drill),
      workflowType: 'drill',
      workflowId: `drill-${cluster}-${name}`,
      input: {
        cluster,
        ...(scenario === undefined ? {} : { scenario }),
        ...(target === undefined ? {} : { target }),
        ...(backup === undefined ? {} : { backup }),
        ...(gates === undefined ? {} : { gates }),
        ...(gate_timeout === undefined ? {} : { gateTimeout: gate_timeout }),
      },
      summary: `drill ${name} of ${cluster}`,
      except: [],
      // A drill that failed needs a person; more of the same would bury what the first one found.
      pauseOnFailure: pause_on_failure,
    };
  });

const sabotage: SchedulesOf = (cluster, configuration) =>
  configuration.sabotage === undefined
    ? []
    : [
        {
          ...namesOf(cluster, 'sabotage'),
          ...timesOf(configuration.sabotage),
          workflowType: 'sabotageDrill',
          workflowId: `sabotage-drill-${cluster}`,
          input: { cluster },
          summary: `sabotage drill of ${cluster}`,
          except: [],
          // Damage that no drill saw: until somebody knows why, passed drills are worth little.
          pauseOnFailure: configuration.sabotage.pause_on_failure,
        },
      ];

const verify: SchedulesOf = (cluster, { verify: configured }) =>
  configured.cron === undefined
    ? []
    : [
        {
          ...namesOf(cluster, 'verify'),
          ...timesOf({ ...configured, cron: configured.cron }),
          workflowType: 'verifyRepository',
          workflowId: `verify-repository-${cluster}`,
          input: { cluster },
          summary: `verification of the repository of ${cluster}`,
          except: [],
          // What was found has to be seen each time, until it is mended or acknowledged; and damage goes on happening meanwhile.
          pauseOnFailure: false,
        },
      ];

const retention: SchedulesOf = (cluster, configuration) =>
  configuration.retention === undefined
    ? []
    : [
        {
          ...namesOf(cluster, 'retention'),
          ...timesOf(configuration.retention),
          workflowType: 'applyRetention',
          workflowId: `apply-retention-${cluster}`,
          input: { cluster },
          summary: `retention of ${cluster}`,
          except: [],
          // One that refuses deletes nothing and says why; the next may find the clock right again, and a disk that fills waits for nobody.
          pauseOnFailure: false,
        },
      ];

/** Every kind of schedule that a cluster can have. A new kind is one more entry. */
const kinds: readonly SchedulesOf[] = [backups, drills, sabotage, retention, verify];

/**
 * All schedules that the configuration asks for.
 *
 * @throws ConfigurationError where two of them would have the same id in Temporal (names that hold `-backup-` and the like).
 */
export function wishedSchedules({ clusters }: Configuration): ScheduleWish[] {
  const wishes = Object.entries(clusters).flatMap(([name, cluster]) => kinds.flatMap((of) => of(name, cluster)));
  const byId = new Map<string, ScheduleWish>();
  for (const wish of wishes) {
    const other = byId.get(wish.id);
    if (other !== undefined) {
      throw new ConfigurationError({
        what: `Two schedules would be called ${wish.id}: ${wish.kind} ${wish.name ?? ''} of ${wish.cluster}, and ${other.kind} ${other.name ?? ''} of ${other.cluster}.`,
        means: 'In Temporal each needs an id of its own.',
        todo: 'Give one of them another name.',
      });
    }
    byId.set(wish.id, wish);
  }
  return wishes;
}
