import { clusterOf } from '../src/configuration/cluster.js';
import type { GateRules } from '../src/schema/approvals.js';
import type { GateName } from '../src/schema/workflow-inputs.js';
import type { ChannelEvents } from '../src/schema/notification.js';
import type { Dependencies } from './dependencies.js';
import { channelsOf } from './notify.js';
import { type Step, step } from './step.js';

/** What a workflow needs of a cluster's configuration: kept in its history, so that a later edit changes no running drill. */
export interface ClusterSettings {
  gates: GateName[];
  gateTimeoutMs: number;
  /** Absent where the configuration has none. */
  gateRules?: GateRules;
  /** Whether Temporal knows our search attributes; absent in histories of earlier pgdrills. */
  searchable?: boolean;
  /** Whom to tell of what; absent where nobody, and in histories of earlier pgdrills. */
  channels?: ChannelEvents[];
}

/** Looks the cluster up in the worker's configuration: an unknown name ends the workflow here, before anything happens. */
export const createLoadSettings = ({ loaded, searchable }: Dependencies): Step<{ cluster: string }, ClusterSettings> =>
  step(async (input: { cluster: string }): Promise<ClusterSettings> => {
    const { gates, gateTimeoutMs, gateRules } = clusterOf(loaded, input.cluster);
    const channels = channelsOf(loaded, input.cluster);
    return {
      gates: [...gates],
      gateTimeoutMs,
      ...(Object.keys(gateRules).length === 0 ? {} : { gateRules }),
      ...((await searchable?.()) === true ? { searchable: true } : {}),
      ...(channels.length === 0 ? {} : { channels }),
    };
  });
