import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { UnreachableError } from '../errors.js';
import { exists, makePrivateDirectory, writeFileDurably } from '../files/durable.js';

/** Three tries take three seconds and a moment: as long as a person waits who has just typed an address. */
const triesOfANewAddress = 3;

/** Remembers which addresses have ever answered on this host: a small file each, below the state directory. */
export class Answered {
  readonly directory: string;

  constructor(stateDirectory: string) {
    this.directory = join(stateDirectory, 'answered');
  }

  /** A disk that cannot be written costs patience, and no drill. */
  async note(address: string): Promise<void> {
    if (await this.has(address)) return;
    try {
      await makePrivateDirectory(this.directory);
      await writeFileDurably(this.pathOf(address), `${address}\n`);
    } catch {
      return;
    }
  }

  async has(address: string): Promise<boolean> {
    return await exists(this.pathOf(address));
  }

  private pathOf(address: string): string {
    return join(this.directory, createHash('sha256').update(address).digest('hex').slice(0, 32));
  }
}

/**
 * Whether time can mend that a server cannot be reached. It can where the address is known to be right: the server itself said that it
 * starts or stops, the connection had stood, or the address has answered before. An address that never has is most likely mistyped.
 *
 * @returns the error to fail with: after a few tries of an address that never answered, one that is not tried again.
 */
export async function patientError(thrown: unknown, attempt: number, answered: Answered): Promise<unknown> {
  if (!(thrown instanceof UnreachableError)) return thrown;
  const { address } = thrown;
  if (address !== undefined && thrown.answered) await answered.note(address);
  if (thrown.answered || (address !== undefined && (await answered.has(address)))) return thrown;
  if (attempt < triesOfANewAddress) return thrown;
  const { what, means, todo } = thrown.explanation;
  return new UnreachableError(
    { what, means: `${means} It has never answered here, so ${attempt} tries are enough.`, todo },
    { cause: thrown, retryable: false },
  );
}
