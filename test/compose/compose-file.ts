import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

/** A service of docker-compose.yml, as far as the tests look at it. */
export interface Service {
  image: string;
  build?: { context: string; args?: Record<string, string> };
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  volumes?: string[];
  secrets?: string[];
  entrypoint?: string[];
  command?: string[];
}

export interface Compose {
  services: Record<string, Service>;
  secrets: Record<string, { environment: string }>;
  volumes: Record<string, null>;
}

/** The text of a file in the checkout. */
export function repositoryFile(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

// Compose merges `<<` keys, which YAML 1.2 itself does not.
export const compose = parse(repositoryFile('docker-compose.yml'), { merge: true }) as Compose;
