import { clusterOf } from '../src/configuration/cluster.js';
import type { GateName } from '../src/schema/workflow-inputs.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** What a workflow needs of a cluster's configuration: kept in its history, so that a later edit changes no running drill. */
export interface ClusterSettings {
  gates: GateName[];
  gateTimeoutMs: number;
}

/** Looks the cluster up in the worker's configuration: an unknown name ends the workflow here, before anything happens. */
export const createLoadSettings = ({ loaded }: Dependencies): Step<{ cluster: string }, ClusterSettings> =>
  step((input: { cluster: string }): Promise<ClusterSettings> => {
    const { gates, gateTimeoutMs } = clusterOf(loaded, input.cluster);
    return Promise.resolve({ gates: [...gates], gateTimeoutMs });
  });
