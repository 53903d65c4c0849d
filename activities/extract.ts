import { extract, type ExtractRequest } from '../src/extract/extract.js';
import type { Extracted } from '../src/schema/extraction.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

/** Extraction: tables, or a whole database, out of the sandbox into a file. */
export const createExtractDump = (dependencies: Dependencies): Step<ExtractRequest, Extracted> =>
  step(
    async (input: ExtractRequest, context): Promise<Extracted> =>
      await extract(await toolsOfSandbox(dependencies, input.sandbox), input, context),
  );
