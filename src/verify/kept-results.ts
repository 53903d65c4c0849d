import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { makePrivateDirectory } from '../files/durable.js';
import { version } from '../version.js';

/** How long an attempt that was taken for dead may go on before it hears of it. */
const askEveryMs = 1_000;

/**
 * What a verification has found out so far, one line of JSON a thing looked at: a next attempt of the same operation goes on behind it.
 * Another operation, or another pgdrill, looks at everything anew: what was whole last week may be damaged today.
 *
 * Lines are not fsynced one by one: what a power cut takes is only looked at again.
 */
export class KeptResults {
  private askedMs = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly file: FileHandle,
    private readonly answers: Map<string, unknown>,
    private readonly refuseSuperseded: () => Promise<void>,
    private length: number,
  ) {}

  /** @param refuseSuperseded throws where a later attempt has taken over. */
  static async open(path: string, operation: string, refuseSuperseded: () => Promise<void>): Promise<KeptResults> {
    await makePrivateDirectory(dirname(path));
    const owner = JSON.stringify({ operation, version });
    const { answers, length } = parse(await readFile(path, 'utf8').catch(() => ''), owner);
    const file = await open(path, length === 0 ? 'w' : 'r+', 0o600);
    await file.truncate(length);
    const kept = new KeptResults(file, answers, refuseSuperseded, length);
    if (length === 0) await kept.append(owner);
    return kept;
  }

  /** Answers what an earlier attempt found, or looks and keeps the answer. What throws is not kept. */
  async once<T>(key: string, look: () => Promise<T>): Promise<T> {
    if (this.answers.has(key)) return this.answers.get(key) as T;
    const answer = await look();
    // Not before each line: there are as many as files. What two attempts write into each other is no whole line, and looked at again.
    if (performance.now() - this.askedMs > askEveryMs) {
      await this.refuseSuperseded();
      this.askedMs = performance.now();
    }
    await this.append(JSON.stringify([key, answer ?? null]));
    return answer;
  }

  has(key: string): boolean {
    return this.answers.has(key);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async append(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`);
    await this.file.write(bytes, 0, bytes.length, this.length);
    this.length += bytes.length;
  }
}

/** The whole lines of this operation's file, and how many bytes they are; a line that was cut short ends it. */
function parse(text: string, owner: string): { answers: Map<string, unknown>; length: number } {
  const answers = new Map<string, unknown>();
  const [first, ...lines] = text.split('\n');
  if (first !== owner) return { answers, length: 0 };
  lines.pop(); // empty, or without its line feed
  let length = Buffer.byteLength(first) + 1;
  for (const line of lines) {
    try {
      const [key, answer] = JSON.parse(line) as [string, unknown];
      answers.set(key, answer);
    } catch {
      break;
    }
    length += Buffer.byteLength(line) + 1;
  }
  return { answers, length };
}
