import { z } from 'zod';

import { clusterNameSchema, instantSchema } from './primitives.js';

/** What people can be told of. */
export const notificationEvents = [
  'failed',
  'unproven',
  'objective_missed',
  'gate_waiting',
  'proof_too_old',
  'archive_gap',
  'wal_stream',
  'schedule_drift',
] as const;
export const notificationEventSchema = z.enum(notificationEvents);
export type NotificationEvent = z.infer<typeof notificationEventSchema>;

/** One message, as it lies in Temporal's history and as a channel gets it: it holds no secret. */
export const notificationSchema = z.object({
  /** The same message again has the same: receivers can tell. */
  id: z.string(),
  event: z.enum([...notificationEvents, 'test']),
  severity: z.enum(['info', 'warning', 'critical']),
  cluster: z.string(),
  /** One line. */
  title: z.string(),
  /** What happened, in sentences. */
  text: z.string(),
  /** What to do: a command. */
  command: z.string().optional(),
  workflowId: z.string().optional(),
  at: instantSchema,
});
export type Notification = z.infer<typeof notificationSchema>;

/** Which events a channel takes, as a workflow has to know it. */
export interface ChannelEvents {
  name: string;
  on: NotificationEvent[];
}

const environmentVariable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not its value');
const secretFile = z.string().startsWith('/', 'must be an absolute path');

const webhookSchema = z
  .strictObject({
    url_env: environmentVariable
      .optional()
      .describe(
        'The environment variable of the worker that holds the URL. A webhook’s URL is a secret: it does not stand here.',
      ),
    url_file: secretFile.optional().describe('The file that holds the URL, instead.'),
    authorization_env: environmentVariable
      .optional()
      .describe('The environment variable that holds the value of the header `Authorization`, such as `Bearer …`.'),
    authorization_file: secretFile.optional().describe('The file that holds it, instead.'),
    template: z
      .enum(['json', 'slack'])
      .default('json')
      .describe(
        '`json`: all fields of the message. `slack`: `{"text": …}`, which Slack, Mattermost and Rocket.Chat take.',
      ),
  })
  .refine(
    ({ url_env, url_file }) => (url_env === undefined) !== (url_file === undefined),
    'must name either url_env or url_file',
  )
  .refine(
    ({ authorization_env, authorization_file }) => authorization_env === undefined || authorization_file === undefined,
    'cannot name both authorization_env and authorization_file',
  );
export type WebhookConfiguration = z.infer<typeof webhookSchema>;

const channelSchema = z
  .strictObject({
    on: z
      .array(notificationEventSchema)
      .min(1)
      .default([...notificationEvents])
      .describe('Of what it is told: by default of everything.'),
    clusters: z.array(clusterNameSchema).min(1).optional().describe('Of which clusters. Default: all.'),
    webhook: webhookSchema.optional().describe('POSTs the message.'),
    command: z
      .array(z.string().min(1))
      .min(1)
      .refine(([file]) => file?.startsWith('/') === true, 'must begin with the absolute path of a program')
      .optional()
      .describe(
        'Runs a program, with these arguments and the message as JSON on its standard input. Exit code 0: it was told.',
      ),
  })
  .refine(
    ({ webhook, command }) => (webhook === undefined) !== (command === undefined),
    'must have either webhook or command',
  );
export type ChannelConfiguration = z.infer<typeof channelSchema>;

export const notificationsSchema = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_-]{0,40}$/, 'must begin with a letter and hold only a-z, 0-9, _ and -'),
    channelSchema,
  )
  .default({})
  .describe('Whom to tell, by name of the channel (docs/notifications.md).');
