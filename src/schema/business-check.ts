import { z } from 'zod';

import { durationSchema } from './primitives.js';

/** Names a check in the table of a drill, in the evidence and in messages. */
const checkNameSchema = z
  .string()
  .regex(
    /^[^\s\p{C}](?:[^\p{C}]{0,58}[^\s\p{C}])?$/u,
    'must be one line of 1 to 60 characters without blanks around it',
  );

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;

/** Numbers as YAML gives them are exact up to 15 digits; longer ones have to be quoted. */
const isExact = (value: number): boolean =>
  Number.isFinite(value) &&
  String(Math.abs(value)).replace(/^0?\.?0*|[.]/g, '').length <= 15 &&
  decimal.test(String(value));

const exactNumber = z.number().refine(isExact, 'must be written in quotes: it has more digits than YAML keeps');
const boundSchema = z.union([exactNumber, z.string().regex(decimal, 'must be a number such as 100 or "0.25"')]);

const toleranceForm = 'must be a number of rows such as 100, or a part such as 1%';

/** What the restored database has to answer. One key says which kind of expectation it is. */
export const expectationSchema = z
  .strictObject({
    equals: z
      .literal('source')
      .optional()
      .describe(
        '`source`: the same answer as the source’s at the fence, whatever it is: several rows and columns, NULL, no row. The order of rows does not count.',
      ),
    value: z
      .union([exactNumber, z.string(), z.boolean(), z.null()])
      .optional()
      .describe('Exactly this: numbers as numbers (`12.5` is `12.50`), moments as moments, `null` for NULL.'),
    range: z
      .strictObject({
        min: boundSchema.optional().describe('The smallest number that is right.'),
        max: boundSchema.optional().describe('The largest number that is right.'),
      })
      .refine(({ min, max }) => min !== undefined || max !== undefined, 'must hold min, max or both')
      .refine(
        ({ min, max }) => min === undefined || max === undefined || Number(min) <= Number(max),
        'has a min above its max',
      )
      .optional()
      .describe('A number between these, both included.'),
    max_age: durationSchema
      .optional()
      .describe(
        'The answer is a `timestamptz` that lies at most this long before the moment that was restored (the fence, or the target): a restored database is as old as its target, so the clock on the wall does not count.',
      ),
    rows: z
      .strictObject({
        tolerance: z
          .union([z.int().min(0), z.string().regex(/^\d+(\.\d+)?%$/, toleranceForm)], toleranceForm)
          .describe('How far the two may be apart: a number of rows, or a part of the source’s count such as `1%`.'),
      })
      .optional()
      .describe('The answer is a count that may differ a little from the source’s at the fence.'),
  })
  .superRefine((expectation, context) => {
    const kinds = Object.keys(expectation);
    if (kinds.length === 1) return;
    const found = kinds.length === 0 ? 'none' : kinds.join(' and ');
    context.addIssue({
      code: 'custom',
      message: `must hold exactly one of equals, value, range, max_age and rows; it holds ${found}`,
    });
  });
export type Expectation = z.infer<typeof expectationSchema>;

/** Comments and opening brackets may come before the query. */
const beginsAsQuery = /^(\s|\(|--[^\n]*(\n|$)|\/\*[^]*?\*\/)*(select|with|values|table)\b/i;

const businessCheckSchema = z.strictObject({
  sql: z
    .string()
    .regex(beginsAsQuery, 'must be one query, beginning with select, with, values or table')
    .describe(
      "One query. It runs read-only, as the role of `connection`, on the source at the fence and on the restored database. Write `current_setting('pgdrill.as_of')::timestamptz` for the moment that was restored: `now()` differs between the two.",
    ),
  database: z.string().min(1).optional().describe('Where to ask. Default: the `dbname` of `connection`.'),
  expect: expectationSchema.describe(
    'What the restored database has to answer: exactly one of `equals`, `value`, `range`, `max_age`, `rows`.',
  ),
  timeout: durationSchema
    .default('1m')
    .describe('Longest time for the answer, on either side; where it is not enough, the check is unproven.'),
});

/** The business checks of a cluster, by name. */
export const businessChecksSchema = z.record(checkNameSchema, businessCheckSchema);

/** A check with its name, as it is carried around. */
export interface BusinessCheck extends z.infer<typeof businessCheckSchema> {
  name: string;
}

/** A check as it is kept beside the source's answer, so that both sides are asked the same. */
export const keptCheckSchema = businessCheckSchema.extend({ name: z.string(), database: z.string() });
export type KeptCheck = z.infer<typeof keptCheckSchema>;
