import { z } from 'zod';

/** A visibility map that came out of the backups with bits that were wrong, and had them cleared. */
export const mendedMapSchema = z.object({
  tablespace: z.number().int(),
  /** 0 for the relations that all databases share. */
  database: z.number().int(),
  filenode: z.number().int(),
  /** Pages beyond the table's end that were marked. */
  beyond: z.number().int(),
  /** Pages of the table that were marked all-visible and are not. */
  within: z.number().int(),
});
export type MendedMap = z.infer<typeof mendedMapSchema>;
