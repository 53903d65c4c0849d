/**
 * Where a repository's files lie. Local directories implement it today; object storage can implement it later, which is why
 * backups are staged and published as a whole, and fetched before use.
 */
export interface Storage {
  /** The text of one file, undefined where there is none. */
  readText(key: string): Promise<string | undefined>;
  /** Writes one file whole or not at all, durably. */
  writeText(key: string, text: string): Promise<void>;
  /** The names directly below a folder; empty where there is none. Staged and hidden names are not listed. */
  list(folder: string): Promise<string[]>;
  /** A local directory to build a tree in. Nothing of it is visible under `key` until it is published. */
  stage(key: string, attempt: number): Promise<string>;
  /** Where the tree will lie once published (absolute symbolic links inside it need to know). */
  pathOf(key: string): string;
  /** Makes a staged tree visible, durably, at once. */
  publish(staged: string, key: string): Promise<void>;
  /** Removes what earlier attempts staged for `key`; reaps a tool that still writes there. */
  discardStaged(key: string): Promise<void>;
  /** The keys (without folder) for which something is staged: leftovers of attempts that never published. */
  listStaged(folder: string): Promise<string[]>;
  /** Writes a file into a staged tree, durably. */
  writeInto(staged: string, name: string, text: string): Promise<void>;
  /** A local directory that holds the tree, to read only. */
  fetch(key: string): Promise<string>;
}

/** Where the tool that fills a staged tree writes its lock. */
export function lockPathOf(staged: string): string {
  return `${staged}.lock`;
}
