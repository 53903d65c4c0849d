import type { Connection } from '../postgres/connection.js';

export interface MonitoringEvent {
  cluster: string;
  /** ISO 8601 in UTC. */
  at: string;
  severity: 'info' | 'warning' | 'critical';
  /** Short and stable, such as `rpo_missed`. */
  kind: string;
  /** For people. */
  message: string;
  figures?: Readonly<Record<string, string | number | boolean | null>>;
  /** Names the event: the same one is written once. */
  operation: string;
}

/** Writes an event; one row per operation, as it was first told. */
export async function recordEvent(client: Connection, event: MonitoringEvent): Promise<void> {
  await client.query(
    `insert into pgdrill.monitoring_events (cluster, at, severity, kind, message, figures, operation)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (operation) do nothing`,
    [event.cluster, event.at, event.severity, event.kind, event.message, event.figures ?? {}, event.operation],
  );
}

/** The same from a file in the repository: a row that differs from it is mended. */
export async function mendEvent(client: Connection, event: MonitoringEvent): Promise<void> {
  await client.query(
    `insert into pgdrill.monitoring_events (cluster, at, severity, kind, message, figures, operation)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (operation) do update set
       cluster = excluded.cluster,
       at = excluded.at,
       severity = excluded.severity,
       kind = excluded.kind,
       message = excluded.message,
       figures = excluded.figures`,
    [event.cluster, event.at, event.severity, event.kind, event.message, event.figures ?? {}, event.operation],
  );
}
